// SPDX-License-Identifier: Apache-2.0
// Who looks, and whether he may change something. Controls of somebody who may not are there, can
// be reached, and say why they do nothing; that they do nothing is the gateway's decision, which
// would refuse what they ask for.

import { $, attr, button, text, show } from './dom.js';

export const rights = { known: false, may: false, who: '' };

function why() {
    return `${rights.who || 'Who asks'} may look and change nothing: that takes the role read-write (docs/admin.md).`;
}

export function setRights({ who, may_change: may }) {
    Object.assign(rights, { known: true, may, who });
    text($('who'), `${who}${may ? '' : ' · read-only'}`);
    attr($('who'), 'title', may ? 'may change' : why());
    for (const b of document.querySelectorAll('button.changes')) mark(b);
}

function mark(b) {
    attr(b, 'aria-disabled', rights.may ? null : 'true');
    attr(b, 'title', rights.may ? null : why());
}

/** A button that changes something, or says why it may not. */
export function changer(label, act, attributes) {
    const b = button(label, () => (rights.may ? act() : tell(why())), {
        ...attributes,
        class: `changes ${attributes?.class ?? ''}`,
    });
    mark(b);
    return b;
}

/** Says it once, to eyes and to screen readers. */
let clear;
export function tell(message) {
    const banner = $('banner');
    text(banner, message);
    show(banner, true);
    clearTimeout(clear);
    clear = setTimeout(() => show(banner, false), 12000);
}
