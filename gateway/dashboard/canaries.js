// SPDX-License-Identifier: Apache-2.0
// Splits: what the weights are, what they owe each variant since they were set, what it got, and
// what it got in all; and how an operator moves them, in two steps.

import { $, attr, h, row, show, sync, text } from './dom.js';
import { confirmChange, openForm } from './dialog.js';
import { ago, count, figure, latency, percent, plural, share, time } from './format.js';
import { errors } from './history.js';
import { changer } from './rights.js';

let latest; // the newest view: what a dialog is held to before it sends

const HEADS = [
    ['Variant'],
    ['Weight', 'n'],
    ['Share', 'n wide'],
    ['Owed', 'n wide'],
    ['Got since', 'n'],
    ['In all', 'n'],
    ['5xx', 'n'],
    ['p99', 'n wide'],
];

function makeCard(split) {
    const body = h('tbody');
    const bar = h('div', { class: 'split', 'aria-hidden': 'true' });
    const since = h('p', { class: 'muted' });
    const card = h(
        'article',
        { class: 'canary', 'data-route': split.route },
        h(
            'div',
            { class: 'head' },
            h('h3', {}, split.route),
            changer('Move weights…', () => edit(split.route)),
        ),
        bar,
        h(
            'table',
            {},
            h('caption', { class: 'unseen' }, `Variants of ${split.route}`),
            h(
                'thead',
                {},
                h(
                    'tr',
                    {},
                    HEADS.map(([name, cls]) => h('th', { scope: 'col', class: cls }, name)),
                ),
            ),
            body,
        ),
        since,
    );
    card.its = { body, bar, since };
    return card;
}

function makeVariant() {
    const n = { class: 'n' },
        wide = { class: 'n wide' };
    const tr = row({
        name: {},
        weight: n,
        share: wide,
        owed: wide,
        got: n,
        all: n,
        failed: n,
        p99: wide,
    });
    tr.its.key = h('span', { class: 'swatch', 'aria-hidden': 'true' });
    tr.its.label = h('span');
    tr.its.cluster = h('span', { class: 'muted narrow-gone' });
    tr.its.name.append(tr.its.key, tr.its.label, tr.its.cluster);
    return tr;
}

const findVariant = (view, route, name) => {
    const r = view.now.routes.find((x) => x.name === route);
    return { r, v: r?.variants.find((x) => x.name === name) };
};

function updateVariant(tr, { view, split, v, i }) {
    const p = tr.its,
        found = findVariant(view, split.route, v.name);
    const t = found.v && view.variant(found.r, found.v);
    const failed = errors(t);
    attr(tr, 'data-variant', v.name);
    attr(p.key, 'data-n', i % 6);
    text(p.label, v.name);
    text(p.cluster, v.name === v.cluster ? '' : ` → ${v.cluster}`);
    text(p.weight, +v.weight.toFixed(6));
    text(p.share, share(v.share));
    text(p.owed, count(v.target === undefined ? undefined : +v.target.toFixed(1)));
    text(p.got, count(v.assigned));
    text(p.all, count(found.v?.traffic.requests));
    text(p.failed, percent(failed, 2));
    attr(p.failed, 'data-grade', failed > 0.05 ? 'grave' : failed > 0.01 ? 'bad' : null);
    text(p.p99, latency(view.p(t, 0.99)));
}

function updateCard(card, { view, split }) {
    const p = card.its;
    sync(
        p.body,
        split.variants.map((v, i) => ({ view, split, v, i })),
        (x) => x.v.name,
        makeVariant,
        updateVariant,
    );
    sync(
        p.bar,
        split.variants.map((v, i) => ({ v, i })),
        (x) => x.v.name,
        (x) => h('span', { 'data-n': x.i % 6 }),
        (e, x) => {
            const width = `${(x.v.share * 100).toFixed(3)}%`;
            if (e.style.width !== width) e.style.width = width;
        },
    );
    const age = view.now.now_ms / 1000 - split.since;
    text(
        p.since,
        `${split.override ? 'Set by an operator' : 'As the file says'} since ${time(split.since * 1000)} (${ago(age)}), ${plural(split.position, 'request')} since.${split.sticky ? ` Sticky by ${split.sticky}.` : ''}`,
    );
}

export function showCanaries(view) {
    latest = view;
    const splits = view.now.splits;
    sync(
        $('canary-list'),
        splits.map((split) => ({ view, split })),
        (x) => x.split.route,
        (x) => makeCard(x.split),
        updateCard,
    );
    show($('canary-none'), !splits.length);
}

/* -- moving weights ------------------------------------------------------------------------------ */

const splitOf = (route) => latest.now.splits.find((x) => x.route === route);
const round = (v) => +v.toFixed(2);

/** The others keep their proportions, and the sum stays what it was. */
export function balance(weights, moved, value, sum) {
    const rest = weights.reduce((a, w, i) => a + (i === moved ? 0 : w), 0);
    const left = Math.max(0, sum - value);
    const next = weights.map((w, i) =>
        i === moved ? value : round(rest ? (w / rest) * left : left / (weights.length - 1)),
    );
    const last = next.length - 1 === moved ? next.length - 2 : next.length - 1;
    if (last >= 0)
        next[last] = round(Math.max(0, next[last] + sum - next.reduce((a, b) => a + b, 0)));
    return next;
}

function field(v, i, form) {
    const id = `weight-${i}`;
    const number = h('input', {
        id,
        type: 'number',
        min: 0,
        step: 'any',
        value: v.weight,
        inputmode: 'decimal',
        'data-variant': v.name,
        autofocus: i === 0,
    });
    const slider = h('input', {
        type: 'range',
        min: 0,
        max: form.sum,
        step: form.sum / 100,
        value: v.weight,
        'aria-label': `Weight of ${v.name}`,
    });
    const part = h('output', { for: id });
    number.addEventListener('input', () => form.set(i, Number(number.value), number));
    slider.addEventListener('input', () => form.set(i, round(Number(slider.value)), slider));
    form.rows.push({ number, slider, share: part });
    return h('div', { class: 'weight' }, h('label', { for: id }, v.name), slider, number, part);
}

function formOf(split, start) {
    const weights = start ?? split.variants.map((v) => v.weight);
    const keep = h('input', { id: 'keep', type: 'checkbox', checked: true });
    const form = {
        rows: [],
        weights,
        sum: split.variants.reduce((a, v) => a + v.weight, 0) || 100,
    };
    form.set = (i, value, by) => {
        const fixed = keep.checked && weights.length > 1 && value <= form.sum;
        if (fixed) form.weights = balance(form.weights, i, value, form.sum);
        else form.weights = form.weights.map((w, k) => (k === i ? value : w));
        form.draw(by);
    };
    form.draw = (by) => {
        const sum = form.weights.reduce((a, b) => a + b, 0);
        form.rows.forEach((r, i) => {
            if (r.number !== by) r.number.value = form.weights[i];
            if (r.slider !== by) r.slider.value = form.weights[i];
            text(r.share, sum > 0 ? share(form.weights[i] / sum) : '–');
        });
    };
    form.nodes = [
        h(
            'div',
            { class: 'weights' },
            split.variants.map((v, i) => field({ ...v, weight: weights[i] }, i, form)),
        ),
        h(
            'label',
            { class: 'check' },
            keep,
            ` the others make room, so that the sum stays ${+form.sum.toFixed(6)}`,
        ),
    ];
    form.draw();
    return form;
}

function edit(route, start) {
    const split = splitOf(route);
    const form = formOf(split, start);
    openForm(`Weights of ${route}`, form.nodes, 'Continue…', () => {
        const sum = form.weights.reduce((a, b) => a + b, 0);
        if (form.weights.some((w) => !Number.isFinite(w) || w < 0))
            throw new Error('A weight is a number from 0.');
        if (!(sum > 0))
            throw new Error('The weights sum up to 0: then no variant would get anything.');
        if (form.weights.every((w, i) => w === split.variants[i].weight))
            throw new Error('These are the weights in force.');
        confirmWeights(split, form.weights);
    });
}

/** "stable: weight 95 → 90, from 95 % to 90 % of the requests" */
function sayChange(v, weight, sum) {
    const same = v.weight === weight && v.share === weight / sum;
    return h(
        'li',
        {},
        h('b', {}, v.name),
        same
            ? ` stays at weight ${weight}`
            : `: weight ${+v.weight.toFixed(6)} → ${weight}, from ${share(v.share)} to ${share(weight / sum)} of the requests`,
    );
}

function confirmWeights(split, weights) {
    const sum = weights.reduce((a, b) => a + b, 0);
    const named = Object.fromEntries(split.variants.map((v, i) => [v.name, weights[i]]));
    const rate = findVariant(latest, split.route).r;
    const now = latest.perSecond(rate && latest.route(rate)?.requests);
    confirmChange({
        title: `Move the weights of ${split.route}`,
        says: [
            h(
                'ul',
                {},
                split.variants.map((v, i) => sayChange(v, weights[i], sum)),
            ),
            h(
                'p',
                { class: 'muted' },
                `From the next request on. Counting begins anew${now ? `; the route has ${figure(now)} requests a second` : ''}.`,
            ),
        ],
        label: 'Set these weights',
        path: 'v1/modules/canary/set',
        content: { route: split.route, weights: named },
        fleet: latest.now.fleet?.configured,
        back: () => edit(split.route, weights),
        check: () => {
            if (splitOf(split.route)?.since !== split.since)
                throw new Error(
                    'Somebody else has changed these weights meanwhile. Go back and look again.',
                );
        },
    });
}
