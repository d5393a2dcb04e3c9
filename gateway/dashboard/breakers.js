// SPDX-License-Identifier: Apache-2.0
// Circuits as lights, with what has become of them: from the gateway's events, and from what the
// page has seen itself. A light says its state by shape and by word, colour only adds to it.

import { $, attr, h, s, show, sync, text } from './dom.js';
import { confirmChange } from './dialog.js';
import { count, duration, figure, percent, time } from './format.js';
import { changer } from './rights.js';

const SPAN_MS = 1800e3; // of the history that is drawn
const W = 300,
    H = 14;
const LEVEL = { closed: 2, half_open: 8, open: 14 };
const level = (state) => LEVEL[state] ?? 8; // closing slowly

const pasts = new Map(); // circuit -> [{at, state, why}], the oldest first
let latest;

const keyOf = (owner, endpoint) => `${owner}|${endpoint ?? ''}`;
const ownerOf = (o) => (o.cluster !== undefined ? `cluster ${o.cluster}` : `route ${o.route}`);

function note(key, at, state, why) {
    const past = pasts.get(key) ?? [];
    pasts.set(key, past);
    // Events come with their own time, what was seen a little later: the same change is one.
    if (past.some((p) => p.state === state && Math.abs(p.at - at) < 2500)) return;
    const i = past.findLastIndex((p) => p.at <= at);
    if (past[i]?.state === state) return;
    past.splice(i + 1, 0, { at, state, why });
    while (past.length > 500) past.shift();
}

/** Events of circuits: their fields say whose, and what it has become. */
export function takeBreakerEvent(e) {
    const f = e.fields ?? {};
    if (
        !/^(breaker|circuit)_/.test(e.event) ||
        (f.cluster === undefined && f.route === undefined) ||
        !f.to
    )
        return;
    const key = keyOf(ownerOf(f), f.endpoint);
    if (!pasts.has(key) && f.from) note(key, e.at_ms - SPAN_MS, f.from);
    note(key, e.at_ms, f.to, f.why);
}

/* -- one circuit --------------------------------------------------------------------------------- */

const SHAPES = {
    closed: 'M9 2a7 7 0 1 1 0 14a7 7 0 1 1 0-14z',
    open: 'M9 2a7 7 0 1 1 0 14a7 7 0 1 1 0-14zM5.5 7.4v3.2h7V7.4z',
    half_open: 'M9 2a7 7 0 1 1 0 14zM9 2a7 7 0 1 0 0 14v-1.6a5.4 5.4 0 1 1 0-10.8z',
};
const shape = (state) => SHAPES[state] ?? SHAPES.half_open;
const WORDS = {
    closed: 'closed',
    open: 'open',
    half_open: 'half-open',
    ramp_10: 'closing, 10 %',
    ramp_25: 'closing, 25 %',
    ramp_50: 'closing, 50 %',
};
const word = (c) => (c.mode === 'auto' ? (WORDS[c.state] ?? c.state) : c.mode.replace('_', ' '));

function makeCircuit(x) {
    const lamp = s('path', { 'fill-rule': 'evenodd' });
    const p = {
        lamp,
        name: h('span', { class: 'name' }),
        state: h('span', { class: 'state' }),
        facts: h('p', { class: 'muted' }),
        since: s('title'),
    };
    p.past = {
        closed: s('path', { class: 'past closed' }),
        between: s('path', { class: 'past between' }),
        open: s('path', { class: 'past open' }),
    };
    p.unknown = s('path', { class: 'unknown' });
    p.strip = s(
        'svg',
        { class: 'strip', viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: 'none', role: 'img' },
        p.since,
        p.unknown,
        ...Object.values(p.past),
    );
    if (!x.circuit) {
        const e = h(
            'li',
            { class: 'breaker limits' },
            h('span'),
            h('div', { class: 'about' }, h('h3', {}, p.name, ' ', p.state), p.facts),
        );
        e.its = p;
        return e;
    }
    p.list = h('ol');
    p.more = h('details', { class: 'history', hidden: true }, h('summary', {}, 'History'), p.list);
    const act = (state) =>
        changer({ open: 'Open', closed: 'Close', auto: 'Auto' }[state], () => force(x.key, state), {
            'data-state': state,
            'aria-label': `${{ open: 'Force open', closed: 'Force closed', auto: 'Automatic again' }[state]}: ${x.label}`,
        });
    const e = h(
        'li',
        { class: 'breaker', 'data-circuit': x.label },
        s('svg', { class: 'lamp', viewBox: '0 0 18 18', 'aria-hidden': 'true' }, lamp),
        h('div', { class: 'about' }, h('h3', {}, p.name, ' ', p.state), p.facts),
        p.strip,
        p.more,
        h(
            'div',
            { class: 'acts', role: 'group', 'aria-label': `Force the circuit of ${x.label}` },
            act('open'),
            act('closed'),
            act('auto'),
        ),
    );
    e.its = p;
    return e;
}

/** "7 of 1,024 requests": what is used of what is limited. */
function limitsOf(b) {
    const all = [];
    for (const l of b.limits ?? [])
        for (const what of ['requests', 'pending', 'retries'])
            if (l[`max_${what}`])
                all.push(
                    `${count(l[what])} of ${count(l[`max_${what}`])} ${what}${l.priority === 'high' ? ' of high priority' : ''}`,
                );
    if (b.max_connections)
        all.push(`${count(b.connections)} of ${count(b.max_connections)} connections`);
    return all;
}

function facts(x) {
    if (!x.circuit) return limitsOf(x.breaker).join(' · ');
    const c = x.circuit,
        all = [];
    if (!x.breaker.enabled) all.push('disabled');
    if (c.calls) all.push(`${percent(c.failed / c.calls)} of ${figure(c.calls)} calls failed`);
    if (c.left_ms) all.push(`${duration(c.left_ms / 1000)} left`);
    if (x.breaker.rejects_open) all.push(`${count(x.breaker.rejects_open)} refused`);
    if (c.shared) all.push(c.shared.led ? 'one for the fleet' : 'apart from the fleet');
    all.push(...limitsOf(x.breaker));
    const last = pasts.get(x.key)?.at(-1);
    if (last?.why !== undefined || (last && pasts.get(x.key).length > 1))
        all.push(`since ${time(last.at)}`);
    return all.join(' · ');
}

/** Segments of the last half hour; what is before the first that is known is dotted. */
function draw(p, past, now) {
    const x = (at) => Math.max(0, W - ((now - at) / SPAN_MS) * W);
    const d = { closed: '', between: '', open: '' };
    let opened = 0;
    past.forEach((one, i) => {
        const end = past[i + 1]?.at ?? now;
        if (end < now - SPAN_MS) return;
        const a = x(one.at),
            b = Math.max(x(end), a + (one.state === 'closed' ? 0 : 1)),
            y = H - level(one.state);
        d[d[one.state] === undefined ? 'between' : one.state] +=
            `M${a.toFixed(1)} ${H}V${y}H${b.toFixed(1)}V${H}z`;
        if (one.state === 'open') opened++;
    });
    for (const [state, path] of Object.entries(p.past)) attr(path, 'd', d[state]);
    const known = x(past[0]?.at ?? now);
    attr(p.unknown, 'd', known > 1 ? `M0 ${H - 1}H${known.toFixed(1)}` : '');
    const changes = past
        .slice(-4)
        .reverse()
        .map((one) => `${time(one.at)} ${WORDS[one.state] ?? one.state}`)
        .join(', ');
    text(
        p.since,
        `Opened ${opened} times in what is known of the last half hour. Last: ${changes}`,
    );
}

/** The same in words, the newest first. */
function list(p, past) {
    show(p.more, past.length > 1);
    if (!p.more.open) return;
    sync(
        p.list,
        past.slice(-12).reverse(),
        (one) => `${one.at} ${one.state}`,
        (one) =>
            h(
                'li',
                {},
                h('time', { datetime: new Date(one.at).toISOString() }, time(one.at)),
                ' ',
                WORDS[one.state] ?? one.state,
                one.why && h('span', { class: 'muted' }, ` ${one.why}`),
            ),
    );
}

function updateCircuit(e, x) {
    const p = e.its;
    if (!x.circuit) {
        text(p.name, x.label);
        text(p.state, x.breaker.enabled ? 'limits' : 'disabled');
        text(p.facts, facts(x));
        return;
    }
    attr(e, 'data-state', x.circuit.state);
    attr(e, 'data-mode', x.breaker.enabled ? x.circuit.mode : 'disabled');
    attr(p.lamp, 'd', shape(x.circuit.state));
    text(p.name, x.label);
    text(p.state, word(x.circuit));
    text(p.facts, facts(x));
    draw(p, pasts.get(x.key) ?? [], x.now);
    list(p, pasts.get(x.key) ?? []);
    for (const b of e.querySelectorAll('button'))
        attr(
            b,
            'aria-pressed',
            { open: 'forced_open', closed: 'forced_closed', auto: 'auto' }[b.dataset.state] ===
                x.circuit.mode,
        );
}

function circuitsOf(view) {
    return view.now.breakers.flatMap((breaker) =>
        (breaker.circuits.length ? breaker.circuits : [undefined]).map((circuit) => {
            const owner = ownerOf(breaker);
            return {
                key: circuit ? keyOf(owner, circuit.endpoint) : `${owner} limits`,
                label: circuit?.endpoint ? `${owner}, ${circuit.endpoint}` : owner,
                breaker,
                circuit,
                now: view.now.now_ms,
            };
        }),
    );
}

export function showBreakers(view) {
    latest = view;
    const all = circuitsOf(view).filter((x) => x.circuit || limitsOf(x.breaker).length);
    for (const x of all) if (x.circuit) note(x.key, view.now.now_ms, x.circuit.state);
    sync($('breaker-list'), all, (x) => x.key, makeCircuit, updateCircuit);
    show($('breaker-none'), !all.length);
    show(
        $('breakers-key'),
        all.some((x) => x.circuit),
    );
}

/* -- forcing one --------------------------------------------------------------------------------- */

const MEANS = {
    open: [
        'Force open',
        'All its requests are refused from now on, or go to the fallback, whatever the backend does; it stays so until it is automatic again.',
    ],
    closed: [
        'Force closed',
        'All its requests go through from now on, however many fail; it stays so until it is automatic again.',
    ],
    auto: ['Make automatic', 'It opens and closes by its own rules again, and begins closed.'],
};

function force(key, state) {
    const x = circuitsOf(latest).find((c) => c.key === key);
    if (!x) return;
    const owner =
        x.breaker.cluster !== undefined
            ? { cluster: x.breaker.cluster }
            : { route: x.breaker.route };
    const c = latest.now.clusters.find((k) => k.name === x.breaker.cluster);
    const r = latest.now.routes.find((k) => k.name === x.breaker.route);
    const rate = latest.perSecond((c ? latest.cluster(c) : r && latest.route(r))?.requests);
    const [title, means] = MEANS[state];
    confirmChange({
        title: `${title}: the circuit of ${x.label}`,
        says: [
            h(
                'p',
                {},
                'It is ',
                h('b', {}, word(x.circuit)),
                ` now${x.circuit.mode === 'auto' ? ', by itself' : ''}${rate === undefined ? '' : `, with ${figure(rate)} requests a second`}. `,
                means,
            ),
        ],
        label: title,
        danger: state === 'open',
        path: 'v1/modules/breaker/force',
        content: { ...owner, ...(x.circuit.endpoint && { endpoint: x.circuit.endpoint }), state },
        fleet: latest.now.fleet?.configured,
    });
}
