// SPDX-License-Identifier: Apache-2.0
// What is smaller: overrides, events, the fleet, processes.

import { $, attr, h, row, show, sync, text } from './dom.js';
import { confirmChange } from './dialog.js';
import { ago, bytes, count, duration, percent, plural, rate, time } from './format.js';
import { changer } from './rights.js';

/* -- overrides ----------------------------------------------------------------------------------- */

const said = (value) =>
    value && typeof value === 'object'
        ? Object.entries(value)
              .map(([k, v]) => (v && typeof v === 'object' ? said(v) : `${k} ${v}`))
              .join(', ')
        : String(value);

function makeOverride(o) {
    const p = {
        setting: h('h3'),
        value: h('p', { class: 'value' }),
        facts: h('p', { class: 'muted' }),
    };
    const undo = changer('Undo…', () => drop(o), {
        'aria-label': `Undo the override of ${o.setting}`,
    });
    const e = h('li', {}, h('div', { class: 'head' }, p.setting, undo), p.value, p.facts);
    e.its = p;
    return e;
}

function updateOverride(e, { o, now }) {
    const p = e.its;
    text(p.setting, o.setting);
    text(p.value, said(o.value));
    const until = o.until
        ? `until ${time(o.until * 1000)}, ${duration(o.until - now / 1000)} left`
        : 'until somebody changes it';
    text(
        p.facts,
        `${o.who}, ${time(o.at * 1000)}${o.reason ? `: “${o.reason}”` : ', no reason given'} · ${until}`,
    );
}

function drop(o) {
    confirmChange({
        title: `Undo the override of ${o.setting}`,
        says: [
            h(
                'p',
                {},
                'What the file says counts again, instead of ',
                h('b', {}, said(o.value)),
                ` (${o.who}, ${time(o.at * 1000)}).`,
            ),
        ],
        label: 'Undo it',
        path: 'v1/overrides/drop',
        content: { key: o.key },
        bare: true,
    });
}

export function showOverrides(view) {
    const list = view.now.overrides ?? [];
    sync(
        $('override-list'),
        list.map((o) => ({ o, now: view.now.now_ms })),
        (x) => `${x.o.key} ${x.o.id}`,
        (x) => makeOverride(x.o),
        updateOverride,
    );
    show($('override-none'), !list.length);
}

/* -- events -------------------------------------------------------------------------------------- */

const KEPT = 200;
const MARKS = { info: '·', warn: '▲', error: '✕' };
let events = [];

const words = (e) => e.event.replaceAll('_', ' ');
/** Modules say it in a sentence; of others there are names and values. */
const facts = (e) =>
    e.fields?.text ??
    Object.entries(e.fields ?? {})
        .map(([k, v]) => `${k} ${v}`)
        .join(' · ');

function makeEvent(e) {
    const by = [e.who, e.reason && `“${e.reason}”`].filter(Boolean).join(': ');
    return h(
        'li',
        { 'data-level': e.level, 'data-event': e.event },
        h(
            'span',
            { class: 'mark' },
            h('span', { 'aria-hidden': 'true' }, MARKS[e.level] ?? '·'),
            h('span', { class: 'unseen' }, e.level),
        ),
        h('time', { datetime: new Date(e.at_ms).toISOString() }, time(e.at_ms)),
        h(
            'div',
            {},
            h('b', {}, words(e)),
            ' ',
            h('span', { class: 'muted' }, facts(e)),
            by && h('p', { class: 'by' }, by),
        ),
    );
}

export function showEvents() {
    const grave = $('events-grave').checked;
    const list = events.filter((e) => !grave || e.level !== 'info');
    sync($('event-list'), list, (e) => e.n, makeEvent);
    show($('event-none'), !list.length);
    show($('event-list'), list.length > 0);
}

/** The newest first. A screen reader is told of those that came while the page was open. */
export function takeEvents(list, fresh) {
    events = [...[...list].reverse(), ...events].slice(0, KEPT);
    showEvents();
    if (!fresh || !list.length) return;
    const telling = list.filter((e) => e.level !== 'info' || e.who);
    if (telling.length)
        text(
            $('announcer'),
            telling.length > 3
                ? plural(telling.length, 'event')
                : telling.map((e) => `${words(e)}: ${facts(e)}`).join('. '),
        );
}

/* -- fleet --------------------------------------------------------------------------------------- */

function updateMember(tr, m) {
    const p = tr.its;
    text(p.name, `${m.instance}${m.self ? ' (this one)' : ''}`);
    text(p.version, m.version);
    text(p.rate, rate(m.rps));
    text(p.active, count(m.active));
    text(p.heard, m.self ? '–' : ago(m.heard_ms / 1000));
    attr(p.heard, 'data-grade', m.heard_ms > 5000 ? 'bad' : null);
}

export function showFleet(view) {
    const f = view.now.fleet;
    const n = { class: 'n' };
    show($('members'), !!f?.members?.length);
    if (!f?.configured) {
        text($('fleet-state'), 'This instance stands alone: no fleet is configured.');
        return;
    }
    text(
        $('fleet-state'),
        `${f.joined ? 'Joined' : f.state} for ${duration(f.state_ms / 1000)}${f.why ? `: ${f.why}` : ''} · Redis ${f.server ?? ''} ${f.connected ? `answers in ${(f.lag_us / 1000).toFixed(1)} ms` : 'can’t be reached'}`,
    );
    sync(
        $('members').tBodies[0],
        f.members ?? [],
        (m) => m.instance,
        () => row({ name: {}, version: {}, rate: n, active: n, heard: n }),
        updateMember,
    );
}

/* -- processes ----------------------------------------------------------------------------------- */

export function showProcesses(view) {
    const old = view.history.recent[0]?.workers ?? [];
    const n = { class: 'n' };
    const key = (w) => `${w.process} ${w.pid}`;
    sync(
        $('process-table').tBodies[0],
        view.now.workers,
        key,
        () => row({ name: {}, state: {}, active: n, cpu: n, memory: n }),
        (tr, w) => {
            const before = old.find((x) => key(x) === key(w)),
                p = tr.its;
            text(p.name, w.process);
            text(
                p.state,
                `${w.state ?? '–'}${w.generation !== undefined && w.generation !== view.now.generation ? `, generation ${w.generation}` : ''}`,
            );
            text(p.active, count(w.active));
            text(
                p.cpu,
                before && view.seconds
                    ? percent((w.cpu_ms - before.cpu_ms) / 1000 / view.seconds)
                    : '–',
            );
            text(p.memory, w.resident ? bytes(w.resident) : '–');
        },
    );
}
