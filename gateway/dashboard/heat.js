// SPDX-License-Identifier: Apache-2.0
// Latency as a heat map: a column a second, a row a bucket, the darker the more requests; over it
// the lines of p50 and p99. Each shade is one path, so that a second costs a few attributes.

import { $, attr, h, s, show, sync, text } from './dom.js';
import { bound, count, latency, percent } from './format.js';
import { quantile, SECONDS } from './history.js';

const LEFT = 58,
    TOP = 6,
    ROW = 17,
    BOTTOM = 20;
const SHADES = 7;

let svg, part;

function begin() {
    const shades = Array.from({ length: SHADES }, (_, i) =>
        s('path', { class: `shade s${i + 1}` }),
    );
    part = {
        title: s('title'),
        gaps: s('path', { class: 'gap' }),
        grid: s('path', { class: 'grid' }),
        rows: s('g', { class: 'axis rows' }),
        times: s('g', { class: 'axis times' }),
        p50: s('path', { class: 'quantile p50' }),
        p99: s('path', { class: 'quantile p99' }),
        shades,
        under: s('path', { class: 'under' }), // so that the lines can be seen on any shade
    };
    svg = s(
        'svg',
        { role: 'img' },
        part.title,
        part.gaps,
        ...shades,
        part.grid,
        part.under,
        part.p50,
        part.p99,
        part.rows,
        part.times,
    );
    part.legend = h('p', { class: 'legend muted' });
    const key = (cls, label) => [
        s(
            'svg',
            { class: 'key', viewBox: '0 0 18 8', 'aria-hidden': 'true' },
            s('path', { class: `quantile ${cls}`, d: 'M0 4H18' }),
        ),
        label,
    ];
    part.scale = h('span');
    part.legend.append(
        ...key('p50', 'p50'),
        ...key('p99', 'p99'),
        h(
            'span',
            { class: 'ramp', 'aria-hidden': 'true' },
            ...Array.from({ length: SHADES }, (_, i) => h('i', { class: `s${i + 1}` })),
        ),
        part.scale,
    );
    $('heat').append(svg, part.legend);
}

/** Which buckets are shown: those that had something, and one beyond. Never fewer than six. */
function range(columns, n) {
    let low = n,
        high = -1;
    for (const c of columns)
        c.counts?.forEach((v, i) => {
            if (!v) return;
            low = Math.min(low, i);
            high = Math.max(high, i);
        });
    if (high < 0) [low, high] = [2, 7];
    low = Math.max(0, low - 1);
    high = Math.min(n - 1, Math.max(high + 1, low + 5));
    return [Math.max(0, Math.min(low, high - 5)), high];
}

function columnsOf(view, route) {
    return view.history.past.map((e) => ({
        at: e.at,
        gap: e.gap,
        ms: e.ms,
        counts: (route ? e.routes.get(route) : e.all)?.latency,
    }));
}

/** Where a latency lies between the rows, in rows from the lowest bound shown. */
function height(us, bounds, low) {
    const i = bounds.findIndex((b) => us <= b);
    if (i < 0) return bounds.length - low + 0.5;
    const from = i ? bounds[i - 1] : 0;
    return i - low + (us - from) / (bounds[i] - from);
}

function quantiles(columns, q, bounds, at) {
    let d = '',
        pen = false;
    // Of a few requests a second a line would only jump: five seconds count together.
    columns.forEach((c, i) => {
        const near = columns.slice(Math.max(0, i - 4), i + 1).filter((x) => x.counts);
        const sum =
            !c.gap && near.length
                ? near.reduce(
                      (a, x) => a.map((v, k) => v + x.counts[k]),
                      new Array(bounds.length + 1).fill(0),
                  )
                : undefined;
        const us = sum && quantile(sum, bounds, q);
        if (us === undefined) {
            pen = false;
            return;
        }
        d += `${pen ? 'L' : 'M'}${at.x(i).toFixed(1)} ${at.y(us).toFixed(1)}`;
        pen = true;
    });
    return d;
}

function drawShades(columns, at, [low, high]) {
    const most = Math.max(1, ...columns.map((c) => Math.max(0, ...(c.counts ?? [0]))));
    const ds = new Array(SHADES).fill('');
    let gaps = '';
    columns.forEach((c, i) => {
        const x = (at.x(i) - at.w / 2).toFixed(1);
        if (c.gap) gaps += `M${x} ${TOP}h${at.w.toFixed(1)}v${at.h}h-${at.w.toFixed(1)}z`;
        for (let b = low; c.counts && b <= high; b++) {
            if (!c.counts[b]) continue;
            const shade = Math.min(
                SHADES - 1,
                Math.floor((Math.log1p(c.counts[b]) / Math.log1p(most)) * SHADES),
            );
            ds[shade] +=
                `M${x} ${TOP + (high - b) * ROW}h${(at.w + 0.3).toFixed(1)}v${ROW}h-${(at.w + 0.3).toFixed(1)}z`;
        }
    });
    part.shades.forEach((p, i) => attr(p, 'd', ds[i]));
    attr(part.gaps, 'd', gaps);
    text(part.scale, `1 to ${count(most)} requests in a second and a bucket`);
}

function drawAxes(at, bounds, [low, high], width) {
    const labels = [];
    for (let b = low; b < high; b++) labels.push({ b, y: TOP + (high - b) * ROW });
    sync(
        part.rows,
        labels,
        (l) => l.b,
        () => s('text', { x: LEFT - 8, 'text-anchor': 'end', dy: '0.32em' }),
        (e, l) => {
            attr(e, 'y', l.y);
            text(e, bound(bounds[l.b]));
        },
    );
    const times = [
        [0, 'now', 'end'],
        [60, '1 min ago', 'middle'],
        [120, '2 min ago', 'middle'],
    ];
    sync(
        part.times,
        times,
        (t) => t[0],
        (t) => s('text', { 'text-anchor': t[2] }, t[1]),
        (e, t) => {
            attr(e, 'x', (at.right - (t[0] / (SECONDS - 1)) * (at.right - LEFT)).toFixed(0));
            attr(e, 'y', TOP + at.h + 15);
        },
    );
    attr(part.grid, 'd', labels.map((l) => `M${LEFT} ${l.y}H${width}`).join(''));
}

function choices(view) {
    const select = $('latency-route');
    const names = ['', ...view.now.routes.slice(0, 60).map((r) => r.name)];
    sync(
        select,
        names,
        (n) => n,
        (n) => h('option', { value: n }, n || 'all'),
        undefined,
    );
    return names.includes(select.value) ? select.value : '';
}

function showTable(view, t) {
    const details = $('heat-table');
    if (!details.open) return;
    const all = t?.latency.reduce((a, b) => a + b, 0) ?? 0,
        bounds = view.now.bounds_us;
    const rows = (t?.latency ?? []).map((n, i) => ({ n, i })).filter((x) => x.n);
    sync(
        details.querySelector('tbody'),
        rows,
        (x) => x.i,
        (x) => {
            const tr = h(
                'tr',
                {},
                h('th', { scope: 'row' }, x.i < bounds.length ? bound(bounds[x.i]) : 'more'),
                h('td', { class: 'n' }),
                h('td', { class: 'n' }),
            );
            return tr;
        },
        (tr, x) => {
            text(tr.cells[1], count(x.n));
            text(tr.cells[2], percent(x.n / all));
        },
    );
}

export function showHeat(view) {
    if (!svg) begin();
    const route = choices(view),
        bounds = view.now.bounds_us;
    const width = Math.max(280, $('heat').clientWidth);
    const columns = columnsOf(view, route),
        rows = range(columns, bounds.length + 1);
    const at = { w: (width - LEFT) / SECONDS, h: (rows[1] - rows[0] + 1) * ROW, right: width };
    at.x = (i) => width - (columns.length - 1 - i + 0.5) * at.w;
    at.y = (us) =>
        us === Infinity ? TOP : Math.max(TOP, TOP + at.h - height(us, bounds, rows[0]) * ROW);
    const total = TOP + at.h + BOTTOM;
    attr(svg, 'viewBox', `0 0 ${width} ${total}`);
    attr(svg, 'height', total);
    drawShades(columns, at, rows);
    drawAxes(at, bounds, rows, width);
    const p50 = quantiles(columns, 0.5, bounds, at),
        p99 = quantiles(columns, 0.99, bounds, at);
    attr(part.p50, 'd', p50);
    attr(part.p99, 'd', p99);
    attr(part.under, 'd', p50 + p99);
    const r = view.now.routes.find((x) => x.name === route);
    const t = r ? view.route(r) : view.all;
    text(
        part.title,
        `Latency of ${route || 'all requests'}, the last ten seconds: p50 ${latency(view.p(t, 0.5))}, p99 ${latency(view.p(t, 0.99))}`,
    );
    showTable(view, t);
    show(part.legend, true);
}
