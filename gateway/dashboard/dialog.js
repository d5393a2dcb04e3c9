// SPDX-License-Identifier: Apache-2.0
// The dialog that every change goes through. It says what exactly will be different, takes a
// reason, and shows what the gateway answers. <dialog> keeps the focus inside, ends with Escape,
// and gives the focus back to the button that opened it.

import { ask } from './api.js';
import { $, button, h, show, text } from './dom.js';
import { tell } from './rights.js';

const LASTS = [
    ['', 'until somebody changes it'],
    [900, '15 minutes'],
    [3600, '1 hour'],
    [28800, '8 hours'],
    [86400, '1 day'],
];

const box = () => $('dialog');

/** Shows a form: nodes, then buttons; the last one submits. */
export function openForm(title, nodes, label, submit, options = {}) {
    const error = h('p', { class: 'error', role: 'alert', hidden: true });
    const go = h('button', { type: 'submit', class: options.danger ? 'danger' : 'primary' }, label);
    const form = h(
        'form',
        { novalidate: true },
        h('h2', { id: 'dialog-h' }, title),
        ...nodes,
        error,
        h(
            'div',
            { class: 'buttons' },
            options.back && button('Back', options.back, { class: 'back' }),
            button('Cancel', () => box().close()),
            go,
        ),
    );
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        show(error, false);
        go.disabled = true;
        try {
            await submit();
        } catch (e) {
            text(error, e.message);
            show(error, true);
        }
        go.disabled = false;
    });
    box().replaceChildren(form);
    if (!box().open) box().showModal();
    (form.querySelector('[autofocus]') ?? go).focus();
}

const closed = () => box().close();

/** What may be said of each change. */
function remarks(fleet) {
    const reason = h('input', {
        id: 'reason',
        type: 'text',
        maxlength: 200,
        autocomplete: 'off',
        placeholder: 'optional',
    });
    const lasts = h(
        'select',
        { id: 'expires' },
        LASTS.map(([value, label]) => h('option', { value }, label)),
    );
    const all = h('input', { id: 'all', type: 'checkbox' });
    const nodes = [
        h('div', { class: 'field' }, h('label', { for: 'reason' }, 'Reason'), reason),
        h('div', { class: 'field' }, h('label', { for: 'expires' }, 'Lasts'), lasts),
        fleet && h('label', { class: 'check' }, all, ' on all instances of the fleet'),
    ];
    const read = () => ({
        ...(reason.value.trim() && { reason: reason.value.trim() }),
        ...(lasts.value && { expires: Number(lasts.value) }),
        ...(all.checked && { fleet: true }),
    });
    return { nodes, read };
}

/** change: {title, says: [nodes], label, path, content, fleet, danger, back, bare, check()}.
    check() throws when what is shown is no longer so. */
export function confirmChange(change) {
    const more = change.bare ? { nodes: [], read: () => ({}) } : remarks(change.fleet);
    // The focus begins at what will change: it is read out, and a second Enter in haste does
    // nothing.
    const nodes = [
        h('div', { class: 'says', tabindex: -1, autofocus: true }, ...change.says),
        ...more.nodes,
    ];
    const send = async () => {
        change.check?.();
        await ask(change.path, { ...change.content, ...more.read() });
        closed();
        tell(`Done: ${change.title}.`);
    };
    openForm(change.title, nodes, change.label, send, change);
}
