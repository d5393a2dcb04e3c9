// SPDX-License-Identifier: Apache-2.0
// The error budget: how many answers may fail by the objective, and how many have. For two times
// that are known exactly: since the gateway began to count, and since this page was opened.

import { $, attr, h, row, sync, text } from './dom.js';
import { count, duration, figure, percent } from './format.js';
import { add, total, traffic } from './history.js';

const KEY = 'weir.objective';
const ROUTES = 12; // those that have used most
const BURN_MS = 120e3;

const stored = Number(localStorage.getItem(KEY));
let objective = stored >= 50 && stored < 100 ? stored : 99.9;

export function beginBudget(changed) {
    const input = $('objective');
    input.value = objective;
    input.addEventListener('input', () => {
        const v = Number(input.value);
        const good = v >= 50 && v < 100;
        attr(input, 'aria-invalid', good ? null : 'true');
        if (!good) return;
        objective = v;
        localStorage.setItem(KEY, v);
        changed();
    });
}

/** Of a T: answers, failed ones, and how many may fail. */
function budgetOf(t) {
    const answered = t.status.slice(1).reduce((a, b) => a + b, 0);
    const failed = t.status[5],
        allowed = (answered * (100 - objective)) / 100;
    return {
        answered,
        failed,
        allowed,
        used: allowed ? failed / allowed : 0,
        good: answered ? 1 - failed / answered : undefined,
    };
}

function makeSum() {
    const p = {
        what: h('h3'),
        bar: h('span', { class: 'fill' }),
        left: h('b'),
        facts: h('p', { class: 'muted' }),
    };
    p.meter = h(
        'div',
        { class: 'gauge', role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100 },
        p.bar,
    );
    const e = h(
        'div',
        { class: 'sum' },
        h('div', { class: 'head' }, p.what, p.left),
        p.meter,
        p.facts,
    );
    e.its = p;
    return e;
}

function updateSum(e, { what, b }) {
    const p = e.its,
        used = Math.min(1, b.used);
    text(p.what, what);
    text(
        p.left,
        !b.answered
            ? 'nothing answered yet'
            : b.used > 1
              ? `used up ${figure(b.used)} times`
              : `${percent(1 - b.used)} left`,
    );
    attr(e, 'data-grade', b.used >= 1 ? 'grave' : b.used > 0.75 ? 'bad' : null);
    attr(p.meter, 'aria-label', `Error budget used, ${what}`);
    attr(p.meter, 'aria-valuenow', Math.round(used * 100));
    const width = `${(used * 100).toFixed(2)}%`;
    if (p.bar.style.width !== width) p.bar.style.width = width;
    text(
        p.facts,
        `${count(b.failed)} of ${count(b.answered)} failed; ${count(Math.floor(b.allowed))} may.`,
    );
}

/** How fast it goes: 1 is exactly as fast as it may. */
function burn(view, name) {
    const from = view.now.now_ms - BURN_MS;
    const sum = view.history.past
        .filter((e) => e.at >= from && !e.gap)
        .map((e) => (name === undefined ? e.all : e.routes.get(name)))
        .reduce(add, undefined);
    if (!sum) return undefined;
    const b = budgetOf(sum);
    return b.answered ? b.failed / b.answered / ((100 - objective) / 100) : undefined;
}

function updateRoute(tr, x) {
    const p = tr.its;
    text(p.name, x.name);
    text(
        p.good,
        x.b.good === undefined ? '–' : `${(Math.floor(x.b.good * 1e5) / 1e3).toFixed(3)} %`,
    );
    text(p.used, x.b.used > 9.995 ? `${figure(x.b.used)}×` : percent(x.b.used));
    attr(p.used, 'data-grade', x.b.used >= 1 ? 'grave' : x.b.used > 0.75 ? 'bad' : null);
    text(p.burn, x.burn === undefined ? '–' : `${figure(x.burn)}×`);
    attr(p.burn, 'data-grade', x.burn > 10 ? 'grave' : x.burn > 1 ? 'bad' : null);
}

export function showBudget(view) {
    const o = view.now,
        first = view.history.first;
    const seen = traffic(total(o), total(first));
    const sums = [
        { what: `Since the gateway began to count`, b: budgetOf(total(o)) },
        {
            what: `Since this page was opened, ${duration((o.now_ms - first.now_ms) / 1000)}`,
            b: budgetOf(seen),
        },
    ];
    sync($('budget-sums'), sums, (x) => sums.indexOf(x), makeSum, updateSum);
    const routes = o.routes
        .map((r) => ({ name: r.name, b: budgetOf(r.traffic) }))
        .filter((x) => x.b.answered);
    const worst =
        routes.length > ROUTES
            ? new Set([...routes].sort((a, b) => b.b.used - a.b.used).slice(0, ROUTES))
            : undefined;
    const lines = [
        { name: 'All', b: budgetOf(total(o)), burn: burn(view) },
        ...routes
            .filter((x) => !worst || worst.has(x))
            .map((x) => ({ ...x, burn: burn(view, x.name) })),
    ];
    sync(
        $('budget-routes').tBodies[0],
        lines,
        (x) => x.name,
        () => row({ name: {}, good: { class: 'n' }, used: { class: 'n' }, burn: { class: 'n' } }),
        updateRoute,
    );
}
