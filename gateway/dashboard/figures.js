// SPDX-License-Identifier: Apache-2.0
// The figures at the top, each with its last two and a half minutes; and what an operator should
// look at first.

import { $, h, s, show, sync, text, attr } from './dom.js';
import { count, duration, figure, latency, percent, plural } from './format.js';
import { errors, quantile, SECONDS } from './history.js';

const W = 120,
    H = 26;

const per = (e, n) => (e.ms ? (n * 1000) / e.ms : 0);

/* name, what it is now, what it was in a second, and from which value on it is grave */
const FIGURES = [
    {
        id: 'rate',
        name: 'Requests',
        unit: '/s',
        now: (v) => figure(v.perSecond(v.all?.requests)),
        was: (e) => per(e, e.all.requests),
    },
    {
        id: 'failed',
        name: 'Answered 5xx',
        now: (v) => percent(errors(v.all) ?? 0, 2),
        was: (e) => errors(e.all) ?? 0,
        grave: (v) => (errors(v.all) ?? 0) > 0.01,
    },
    {
        id: 'p50',
        name: 'Latency p50',
        now: (v) => latency(v.p(v.all, 0.5)),
        was: (e, b) => quantile(e.all.latency, b, 0.5),
    },
    {
        id: 'p99',
        name: 'Latency p99',
        now: (v) => latency(v.p(v.all, 0.99)),
        was: (e, b) => quantile(e.all.latency, b, 0.99),
    },
    {
        id: 'connections',
        name: 'Client connections',
        now: (v) => count(v.now.listeners.reduce((a, l) => a + l.connections, 0)),
    },
    {
        id: 'active',
        name: 'Requests under way',
        now: (v) => count(v.now.workers.reduce((a, w) => a + (w.active ?? 0), 0)),
    },
    { id: 'total', name: 'Requests in all', now: (v) => count(requests(v.now)) },
];

const requests = (o) => o.routes.reduce((a, r) => a + r.traffic.requests, o.unrouted.requests);

/** A line through values, newest right; holes where there are none. */
export function line(values, w, hgt, top) {
    const step = w / (SECONDS - 1);
    let d = '',
        pen = false;
    values.forEach((v, i) => {
        if (v === undefined || !Number.isFinite(v)) {
            pen = false;
            return;
        }
        const x = w - (values.length - 1 - i) * step;
        d += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${(hgt - 1 - (v / top) * (hgt - 2)).toFixed(1)}`;
        pen = true;
    });
    return d;
}

function make(f) {
    const e = h('div', { class: 'figure', id: `figure-${f.id}` });
    const value = h('dd', { class: 'value' });
    const path = f.was && s('path', { class: 'spark' });
    e.its = { value, path };
    e.append(h('dt', {}, f.name), value);
    if (path)
        e.append(
            h(
                'dd',
                { class: 'sparkline', 'aria-hidden': 'true' },
                s('svg', { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: 'none' }, path),
            ),
        );
    return e;
}

export function showFigures(view) {
    const past = view.history.past;
    sync(
        $('figures'),
        FIGURES,
        (f) => f.id,
        make,
        (e, f) => {
            text(e.its.value, f.now(view) + (f.unit ?? ''));
            attr(e, 'data-grave', f.grave?.(view) ? 'yes' : null);
            if (!f.was) return;
            const values = past.map((p) =>
                p.gap || !p.all ? undefined : f.was(p, view.now.bounds_us),
            );
            const top = Math.max(...values.filter(Number.isFinite), 1e-9);
            attr(e.its.path, 'd', line(values, W, H, top));
        },
    );
}

/* -- what needs attention ------------------------------------------------------------------------ */

const ownerOf = (b) => (b.cluster !== undefined ? `cluster ${b.cluster}` : `route ${b.route}`);

function* ofBreakers(o) {
    for (const b of o.breakers)
        for (const c of b.circuits) {
            const where = ownerOf(b) + (c.endpoint ? `, ${c.endpoint}` : '');
            if (!b.enabled) continue;
            if (c.mode !== 'auto')
                yield {
                    key: `f${where}`,
                    grave: c.mode === 'forced_open',
                    to: 'breakers',
                    says: `The circuit of ${where} is ${c.mode.replace('_', ' ')} by an operator.`,
                };
            else if (c.state !== 'closed')
                yield {
                    key: `c${where}`,
                    grave: c.state === 'open',
                    to: 'breakers',
                    says: `The circuit of ${where} is ${c.state.replace('_', '-')}.`,
                };
        }
}

function* ofEndpoints(o) {
    for (const c of o.clusters) {
        const out = c.endpoints.filter((e) => !['ok', 'degraded'].includes(e.state));
        if (!out.length) continue;
        const states = [...new Set(out.map((e) => e.state))].join(', ');
        const all = out.length === c.endpoints.length;
        yield {
            key: `e${c.name}`,
            grave: all,
            to: 'endpoints',
            says: `Cluster ${c.name}: ${all ? 'no endpoint takes requests' : `${out.length} of ${plural(c.endpoints.length, 'endpoint')} out of use`} (${states}).`,
        };
    }
}

function* ofFaults(o) {
    for (const f of o.faults)
        if (f.state === 'on' && f.percent > 0)
            yield {
                key: `x${f.route}${f.fault}`,
                to: 'traffic',
                says: `The fault ${f.fault} is injected into route ${f.route}.`,
            };
}

function* ofTheRest(o) {
    if (o.fleet?.configured && !o.fleet.joined)
        yield {
            key: 'fleet',
            grave: true,
            to: 'fleet',
            says: `This instance is apart from its fleet${o.fleet.why ? `: ${o.fleet.why}` : ''}.`,
        };
    const configs = new Set((o.fleet?.members ?? []).map((m) => m.config));
    if (configs.size > 1)
        yield {
            key: 'configs',
            to: 'fleet',
            says: 'Instances of the fleet have different configurations.',
        };
    for (const x of o.overrides ?? []) {
        const left = x.until ? x.until - o.now_ms / 1000 : undefined;
        if (left !== undefined && left < 600)
            yield {
                key: `o${x.key}`,
                to: 'overrides',
                says: `The override of ${x.setting} ends in ${duration(left)}.`,
            };
    }
}

export function showAttention(view) {
    const o = view.now;
    const all = [...ofBreakers(o), ...ofEndpoints(o), ...ofFaults(o), ...ofTheRest(o)].sort(
        (a, b) => (b.grave ?? 0) - (a.grave ?? 0),
    );
    show($('attention'), all.length > 0);
    sync(
        $('attention-list'),
        all.slice(0, 8),
        (a) => a.key + (a.grave ? '!' : ''),
        (a) => {
            const link = h('a', { href: `#${a.to}` });
            const e = h('li', { 'data-grave': a.grave ? 'yes' : null }, link);
            e.its = { link };
            return e;
        },
        (e, a) => text(e.its.link, a.says),
    );
}
