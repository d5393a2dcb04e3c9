// SPDX-License-Identifier: Apache-2.0
// Routes and their variants as a table: the drawing's numbers, and more.

import { $, attr, h, row, show, sync, text } from './dom.js';
import { count, figure, latency, percent, plural } from './format.js';
import { errors } from './history.js';

const ROUTES = 50; // with most requests; the drawing shows fewer

/** A bar as wide as its part of the most. */
export function meter(cell) {
    const value = h('span'),
        bar = h('span', { class: 'bar', 'aria-hidden': 'true' });
    cell.append(value, bar);
    return { value, bar };
}

export function setMeter(m, label, part) {
    text(m.value, label);
    const width = `${(Math.min(1, Math.max(0, part || 0)) * 100).toFixed(1)}%`;
    if (m.bar.style.width !== width) m.bar.style.width = width;
}

function makeRow(line) {
    const n = { class: 'n' },
        wide = { class: 'n wide' };
    const tr = row({
        name: { class: line.variant ? 'variant' : '' },
        to: { class: 'to' },
        rate: n,
        all: wide,
        failed: n,
        refused: wide,
        p50: wide,
        p99: n,
        retries: wide,
    });
    tr.its.meter = meter(tr.its.rate);
    return tr;
}

const leadsTo = (l) =>
    l.variant
        ? (l.variant.cluster ?? '')
        : l.route.variants.length
          ? plural(l.route.variants.length, 'variant')
          : (l.route.cluster ?? l.route.ends_in);

function updateRow(tr, line) {
    const p = tr.its,
        t = line.t,
        answered = t ? t.status.reduce((a, b) => a + b, 0) : 0;
    const failed = errors(t);
    text(p.name, line.name);
    text(p.to, leadsTo(line));
    setMeter(p.meter, `${figure(line.rate)}/s`, line.rate / line.most);
    text(p.all, count(line.total.requests));
    text(p.failed, percent(failed, 2));
    attr(p.failed, 'data-grade', failed > 0.05 ? 'grave' : failed > 0.01 ? 'bad' : null);
    text(p.refused, answered ? percent(t.status[4] / answered, 2) : '–');
    text(p.p50, latency(line.p50));
    text(p.p99, latency(line.p99));
    text(p.retries, t ? figure(line.perSecond(t.retries)) : '–');
}

function linesOf(view, routes) {
    const lines = [];
    const add = (facts, t, total) =>
        lines.push({
            ...facts,
            t,
            total,
            rate: view.perSecond(t?.requests) ?? 0,
            p50: view.p(t, 0.5),
            p99: view.p(t, 0.99),
            perSecond: (n) => view.perSecond(n),
        });
    for (const r of routes) {
        add({ key: r.name, name: r.name, route: r }, view.route(r), r.traffic);
        for (const v of r.variants)
            add(
                { key: `${r.name}/${v.name}`, name: v.name, route: r, variant: v },
                view.variant(r, v),
                v.traffic,
            );
    }
    const most = Math.max(...lines.map((l) => l.rate), 1e-9);
    for (const l of lines) l.most = most;
    return lines;
}

export function showRoutes(view) {
    const all = view.now.routes;
    const most =
        all.length > ROUTES
            ? new Set(
                  [...all].sort((a, b) => b.traffic.requests - a.traffic.requests).slice(0, ROUTES),
              )
            : undefined;
    const routes = most ? all.filter((r) => most.has(r)) : all;
    sync($('routes').tBodies[0], linesOf(view, routes), (l) => l.key, makeRow, updateRow);
    show($('routes-more'), routes.length < all.length);
    text(
        $('routes-more'),
        `${plural(all.length - routes.length, 'route')} with fewer requests aren’t shown.`,
    );
}
