// SPDX-License-Identifier: Apache-2.0
// Clusters and their endpoints, and taking one out of use and back.

import { $, attr, h, row, show, sync, text } from './dom.js';
import { confirmChange } from './dialog.js';
import { count, figure, latency, percent, plural } from './format.js';
import { meter, setMeter } from './routes.js';
import { changer } from './rights.js';

const OPEN_CLUSTERS = 12; // with more of them only those in trouble are open at first
const ROWS = 40; // endpoints of one cluster

const WORST = { down: 'grave', ejected: 'grave', draining: 'bad', degraded: 'bad', pending: 'bad' };
const usable = (e) => ['ok', 'degraded'].includes(e.state);
let latest;

const HEADS = [
    ['Endpoint'],
    ['State'],
    ['Requests', 'n'],
    ['Failed', 'n wide'],
    ['p50', 'n wide'],
    ['p99', 'n wide'],
    ['Active', 'n wide'],
    ['Weight', 'n wide'],
    ['', 'act'],
];

function makeCluster(x) {
    const body = h('tbody'),
        facts = h('span', { class: 'muted' }),
        more = h('p', { class: 'muted', hidden: true });
    const e = h(
        'details',
        { class: 'cluster', open: x.open, 'data-cluster': x.c.name },
        h('summary', {}, h('h3', {}, x.c.name), ' ', facts),
        h(
            'table',
            {},
            h('caption', { class: 'unseen' }, `Endpoints of ${x.c.name}`),
            h(
                'thead',
                {},
                h(
                    'tr',
                    {},
                    HEADS.map(([name, cls]) =>
                        h(
                            'th',
                            { scope: 'col', class: cls },
                            name || h('span', { class: 'unseen' }, 'Change'),
                        ),
                    ),
                ),
            ),
            body,
        ),
        more,
    );
    e.its = { body, facts, more };
    return e;
}

function makeEndpoint(x) {
    const n = { class: 'n' },
        wide = { class: 'n wide' };
    const tr = row({
        name: { class: 'address' },
        state: {},
        rate: n,
        failed: wide,
        p50: wide,
        p99: wide,
        active: wide,
        weight: wide,
        act: { class: 'act' },
    });
    const p = tr.its;
    p.meter = meter(p.rate);
    p.badge = h('span', { class: 'badge' });
    p.state.append(p.badge);
    // It may be broken before the port.
    p.name.append(
        ...x.e.name.split(/(?=:\d+$)/).flatMap((piece, i) => (i ? [h('wbr'), piece] : piece)),
    );
    p.drain = changer('Drain…', () => drain(x.c.name, x.e.name, true), {
        'aria-label': `Drain ${x.e.name} of ${x.c.name}`,
    });
    p.enable = changer('Enable…', () => drain(x.c.name, x.e.name, false), {
        'aria-label': `Enable ${x.e.name} of ${x.c.name}`,
    });
    p.act.append(p.drain, p.enable);
    return tr;
}

function updateEndpoint(tr, { e, t, rate, most, view }) {
    const p = tr.its;
    const failed = t?.requests ? Math.max(t.failures, t.status[5]) / t.requests : undefined;
    attr(tr, 'data-endpoint', e.name);
    text(p.badge, e.state);
    attr(p.badge, 'title', e.health === 'unknown' ? 'no health check' : null);
    attr(p.badge, 'data-grade', WORST[e.state] ?? 'good');
    setMeter(p.meter, `${figure(rate)}/s`, rate / most);
    text(p.failed, percent(failed));
    attr(p.failed, 'data-grade', failed > 0.05 ? 'grave' : failed > 0.01 ? 'bad' : null);
    text(p.p50, latency(view.p(t, 0.5)));
    text(p.p99, latency(view.p(t, 0.99)));
    text(p.active, count(e.active));
    text(p.weight, +(e.weight * e.share).toFixed(2));
    attr(
        p.weight,
        'title',
        e.share === 1 ? null : `weight ${e.weight}, ${percent(e.share)} of it now`,
    );
    show(p.drain, e.state !== 'draining');
    show(p.enable, e.state === 'draining');
}

function updateCluster(el, { c, view }) {
    const p = el.its;
    const n = c.endpoints_n ?? c.endpoints.length,
        good = c.endpoints.filter(usable).length;
    const t = view.cluster(c);
    text(
        p.facts,
        `${c.endpoints.length ? `${good} of ` : ''}${plural(n, 'endpoint')} in use · ${figure(view.perSecond(t?.requests) ?? 0)} requests/s · p99 ${latency(view.p(t, 0.99))}`,
    );
    attr(
        el,
        'data-grade',
        c.endpoints.length && !good ? 'grave' : good < c.endpoints.length ? 'bad' : null,
    );
    if (!el.open) return;
    const rows = c.endpoints.map((e) => {
        const et = view.endpoint(c, e);
        return { c, e, t: et, rate: view.perSecond(et?.requests) ?? 0, view };
    });
    const most = Math.max(...rows.map((x) => x.rate), 1e-9);
    for (const x of rows) x.most = most;
    // Those in trouble are never among those left out.
    const shown =
        rows.length > ROWS
            ? [...rows].sort((a, b) => usable(a.e) - usable(b.e) || b.rate - a.rate).slice(0, ROWS)
            : rows;
    sync(p.body, shown, (x) => x.e.name, makeEndpoint, updateEndpoint);
    show(p.more, shown.length < n);
    text(p.more, `${plural(n - shown.length, 'endpoint')} more: weirctl endpoint list ${c.name}.`);
}

export function showEndpoints(view) {
    latest = view;
    const clusters = view.now.clusters;
    const few = clusters.length <= OPEN_CLUSTERS;
    sync(
        $('cluster-list'),
        clusters.map((c) => ({ c, view, open: few || !c.endpoints.every(usable) })),
        (x) => x.c.name,
        makeCluster,
        updateCluster,
    );
}

/* -- out of use and back ------------------------------------------------------------------------- */

function drain(cluster, endpoint, out) {
    const c = latest.now.clusters.find((x) => x.name === cluster);
    const e = c?.endpoints.find((x) => x.name === endpoint);
    if (!e) return;
    const left = c.endpoints.filter((x) => x !== e && usable(x)).length;
    const says = out
        ? [
              h(
                  'p',
                  {},
                  h('b', {}, endpoint),
                  ` of the cluster ${cluster} gets no new requests from now on; ${plural(e.active, 'request')} under way may finish.`,
              ),
              left
                  ? h(
                        'p',
                        {},
                        `${plural(left, 'endpoint')} of the cluster ${left === 1 ? 'stays' : 'stay'} in use and ${left === 1 ? 'takes' : 'take'} its part.`,
                    )
                  : h(
                        'p',
                        { class: 'grave' },
                        'No other endpoint of this cluster is in use: its requests will fail.',
                    ),
          ]
        : [
              h(
                  'p',
                  {},
                  h('b', {}, endpoint),
                  ` of the cluster ${cluster} gets requests again, as its weight ${e.weight} says.`,
              ),
          ];
    confirmChange({
        title: `${out ? 'Drain' : 'Enable'} ${endpoint}`,
        says,
        label: out ? 'Drain it' : 'Enable it',
        danger: out && !left,
        path: `v1/endpoints/${out ? 'drain' : 'undrain'}`,
        content: { cluster, endpoint },
        fleet: latest.now.fleet?.configured,
    });
}
