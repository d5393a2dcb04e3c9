// SPDX-License-Identifier: Apache-2.0
// Traffic as a drawing: listeners, routes, variants or clusters, endpoints; a link is as wide as
// its requests a second. The order is the configuration's, so that nothing jumps. The table below
// it has the same numbers; where there is no room for a drawing, it alone is shown.

import { $, attr, s, show, sync, text } from './dom.js';
import { figure, percent, plural } from './format.js';
import { add, errors } from './history.js';

const ROUTES = 14,
    ENDPOINTS = 6; // more are shown as one
const SLOT = 26,
    NODE = 8,
    FLOW = 250; // pixels: least height, width, height of all traffic
const GRAVE = 0.05,
    BAD = 0.01; // shares of 5xx

const grade = (t) => {
    const e = errors(t) ?? 0;
    return e > GRAVE ? 'grave' : e > BAD ? 'bad' : 'good';
};

/* -- what there is to draw ----------------------------------------------------------------------- */

class Graph {
    constructor() {
        this.columns = [[], [], [], []];
        this.nodes = new Map();
        this.links = [];
    }

    node(column, key, name, facts) {
        let n = this.nodes.get(key);
        if (!n) {
            n = { key, name, rate: 0, column, in: [], out: [], ...facts };
            this.nodes.set(key, n);
            this.columns[column].push(n);
        }
        return n;
    }

    link(a, b, rate, kind) {
        const key = `${a.key}>${b.key}`;
        const had = a.out.find((l) => l.key === key);
        if (had) {
            had.rate += rate ?? 0;
            return;
        }
        const l = { key, a, b, rate: rate ?? 0, kind };
        a.out.push(l);
        b.in.push(l);
        this.links.push(l);
    }
}

/** The routes with most requests, in their order. */
function chosen(routes) {
    if (routes.length <= ROUTES) return new Set(routes);
    return new Set(
        [...routes].sort((a, b) => b.traffic.requests - a.traffic.requests).slice(0, ROUTES),
    );
}

function addRoute(g, view, r, node) {
    const t = view.route(r);
    node.rate += view.perSecond(t?.requests) ?? 0;
    node.kind = grade(t);
    node.says = r.cluster !== undefined || r.variants.length ? undefined : r.ends_in;
    const split = r.variants.filter((v) => v.cluster !== undefined);
    for (const v of split) {
        const vt = view.variant(r, v);
        const rate = view.perSecond(vt?.requests);
        const n = g.node(2, `v/${r.name}/${v.name}`, v.name, {
            cluster: v.cluster,
            says: v.share === undefined ? undefined : percent(v.share, 2),
        });
        n.rate += rate ?? 0;
        n.kind = grade(vt);
        g.link(node, n, rate, grade(vt));
    }
    if (!split.length && r.cluster !== undefined) {
        const n = g.node(2, `c/${r.cluster}`, r.cluster, { cluster: r.cluster });
        const rate = view.perSecond(t?.requests);
        n.rate += rate ?? 0;
        n.t = add(n.t, t);
        n.kind = grade(n.t);
        g.link(node, n, rate, grade(t));
    }
}

function addListeners(g, view, nodes, others) {
    const o = view.now;
    const all = o.routes.map((r) => view.perSecond(view.route(r)?.requests) ?? 0);
    const sum = all.reduce((a, b) => a + b, 0) || 1;
    for (const l of o.listeners) {
        const n = g.node(0, `l/${l.name}`, l.name, {
            says: l.tls ? 'TLS' : undefined,
            kind: 'good',
        });
        const flows = view.flows(l);
        n.rate = view.listener(l) ?? 0;
        o.routes.forEach((r, i) =>
            g.link(
                n,
                nodes.get(r) ?? others(),
                flows ? flows[i] : (n.rate * all[i]) / sum,
                flows ? 'good' : 'guess',
            ),
        );
        const lost = flows?.at(-1) ?? 0;
        if (lost) {
            const none = g.node(1, 'none', 'no route', { kind: 'bad', says: '404' });
            none.rate += lost;
            g.link(n, none, lost, 'bad');
        }
    }
    for (const n of g.columns[0])
        n.out = n.out.filter((l) => l.rate > 0 || o.listeners.length === 1);
    g.links = g.links.filter((l) => l.a.out.includes(l));
}

/** Each target's part of its cluster's requests goes to each of the cluster's endpoints. */
function addEndpoints(g, view) {
    const clusters = new Map(view.now.clusters.map((c) => [c.name, c]));
    const targets = Map.groupBy ? Map.groupBy(g.columns[2], (n) => n.cluster) : group(g.columns[2]);
    for (const [name, from] of targets) {
        const c = clusters.get(name);
        if (!c) continue;
        const sum = from.reduce((a, n) => a + n.rate, 0);
        c.endpoints.forEach((e, i) => {
            const many = c.endpoints.length > ENDPOINTS && i >= ENDPOINTS - 1;
            const t = view.endpoint(c, e);
            const rate = view.perSecond(t?.requests) ?? 0;
            const n = many
                ? g.node(
                      3,
                      `e/${name}/more`,
                      plural(c.endpoints.length - ENDPOINTS + 1, 'more endpoint'),
                      { kind: 'good', cluster: name },
                  )
                : g.node(3, `e/${name}/${e.name}`, e.name, {
                      says: e.state === 'ok' ? undefined : e.state,
                      out_of_use: !['ok', 'degraded'].includes(e.state),
                      cluster: name,
                  });
            n.rate += rate;
            n.kind = n.out_of_use ? 'out' : grade(t);
            for (const a of from) g.link(a, n, sum ? (rate * a.rate) / sum : 0, n.kind);
        });
    }
}

function group(nodes) {
    const m = new Map();
    for (const n of nodes) m.set(n.cluster, [...(m.get(n.cluster) ?? []), n]);
    return m;
}

function graphOf(view) {
    const g = new Graph();
    const o = view.now;
    const routes = chosen(o.routes);
    const nodes = new Map();
    for (const l of o.listeners) g.node(0, `l/${l.name}`, l.name, {});
    for (const r of o.routes) if (routes.has(r)) nodes.set(r, g.node(1, `r/${r.name}`, r.name, {}));
    const others = () =>
        g.node(1, 'others', plural(o.routes.length - routes.size, 'more route'), { kind: 'good' });
    for (const r of o.routes) addRoute(g, view, r, nodes.get(r) ?? others());
    addListeners(g, view, nodes, others);
    addEndpoints(g, view);
    return g;
}

/* -- where it lies ------------------------------------------------------------------------------- */

/** Where columns begin; the last keeps room for its labels. */
const columnsAt = (width) => [0, Math.round(0.235 * width), Math.round(0.5 * width), width - 236];

function place(g, width) {
    const xs = columnsAt(width);
    const most = Math.max(...g.columns.map((c) => c.reduce((a, n) => a + n.rate, 0)), 1e-9);
    const scale = FLOW / most;
    const heights = g.columns.map((c) =>
        c.reduce((a, n) => a + Math.max(SLOT, n.rate * scale + 10), 0),
    );
    const height = Math.max(...heights, 60);
    g.columns.forEach((column, i) => {
        const space =
            column.length > 1 ? Math.min(28, (height - heights[i]) / (column.length - 1)) : 0;
        let y = (height - heights[i] - space * (column.length - 1)) / 2;
        for (const n of column) {
            n.x = xs[i];
            n.h = Math.max(2, n.rate * scale);
            n.slot = Math.max(SLOT, n.h + 10);
            n.y = y + (n.slot - n.h) / 2;
            y += n.slot + space;
        }
    });
    for (const n of g.nodes.values()) {
        const start = (links) => n.y + n.h / 2 - links.reduce((a, l) => a + l.rate * scale, 0) / 2;
        let at = start(n.out);
        for (const l of n.out) {
            l.w = l.rate * scale;
            l.y0 = at + l.w / 2;
            at += l.w;
        }
        at = start(n.in);
        for (const l of n.in) {
            l.w = l.rate * scale;
            l.y1 = at + l.w / 2;
            at += l.w;
        }
    }
    return height;
}

function curve(l) {
    const x0 = l.a.x + NODE,
        x1 = l.b.x,
        m = (x0 + x1) / 2;
    return `M${x0} ${l.y0.toFixed(1)}C${m} ${l.y0.toFixed(1)} ${m} ${l.y1.toFixed(1)} ${x1} ${l.y1.toFixed(1)}`;
}

/* -- the drawing --------------------------------------------------------------------------------- */

const HEADS = ['Listeners', 'Routes', 'Variants and clusters', 'Endpoints'];
const HEAD = 26;
let svg, heads, links, nodes;

function begin() {
    const title = s('title', { id: 'flow-title' });
    heads = s('g', { class: 'heads' });
    links = s('g', { class: 'links' });
    nodes = s('g', { class: 'nodes' });
    svg = s('svg', { role: 'img', 'aria-labelledby': 'flow-title' }, title, heads, links, nodes);
    svg.its = { title };
    $('flow').append(svg);
}

function makeNode() {
    const bar = s('rect', { width: NODE, rx: 2 }),
        title = s('title');
    const name = s('tspan', { class: 'name' }),
        rate = s('tspan', { class: 'rate', dx: 7 }),
        more = s('tspan', { class: 'more', dx: 7 });
    const label = s('text', { dy: '0.35em' }, name, rate, more);
    const e = s('g', { class: 'node' }, bar, label, title);
    e.its = { bar, label, name, rate, more, title };
    return e;
}

const short = (name, room) => (name.length > room ? `${name.slice(0, room - 1)}…` : name);

function updateNode(e, n) {
    const p = e.its;
    attr(e, 'data-kind', n.rate ? n.kind : n.out_of_use ? 'out' : 'idle');
    attr(p.bar, 'x', n.x);
    attr(p.bar, 'y', n.y.toFixed(1));
    attr(p.bar, 'height', n.h.toFixed(1));
    attr(p.label, 'x', n.x + NODE + 7);
    attr(p.label, 'y', (n.y + n.h / 2).toFixed(1));
    text(p.name, short(n.name, 24));
    text(p.rate, n.rate ? figure(n.rate) : '0');
    text(p.more, n.says ?? '');
    text(p.title, `${n.name}: ${figure(n.rate)} requests a second`);
}

function updateLink(e, l) {
    attr(e, 'd', curve(l));
    attr(e, 'stroke-width', Math.max(l.w, 0.75).toFixed(2));
    attr(e, 'data-kind', l.rate ? l.kind : 'idle');
    text(e.its.title, `${l.a.name} → ${l.b.name}: ${figure(l.rate)} requests a second`);
}

function makeLink() {
    const title = s('title');
    const e = s('path', { class: 'link', fill: 'none' }, title);
    e.its = { title };
    return e;
}

function sayItAll(g) {
    const part = (c) => g.columns[c].map((n) => `${n.name} ${figure(n.rate)}`).join(', ');
    return `Requests a second. Listeners: ${part(0)}. Routes: ${part(1)}. Variants and clusters: ${part(2)}. Endpoints: ${part(3)}.`;
}

export function showFlow(view) {
    const box = $('flow');
    const width = box.clientWidth;
    show(box, true);
    if (width < 700) return; // the style sheet hides it: the table says the same
    if (!svg) begin();
    const g = graphOf(view);
    const height = place(g, width) + HEAD;
    attr(svg, 'viewBox', `0 ${-HEAD} ${width} ${height.toFixed(0)}`);
    attr(svg, 'height', height.toFixed(0));
    attr(svg, 'width', width);
    text(svg.its.title, sayItAll(g));
    sync(
        heads,
        columnsAt(width).map((x, i) => ({ x, i })),
        (c) => c.i,
        (c) => s('text', { y: -12 }, HEADS[c.i]),
        (e, c) => attr(e, 'x', c.x),
    );
    sync(links, g.links, (l) => l.key, makeLink, updateLink);
    sync(nodes, [...g.nodes.values()], (n) => n.key, makeNode, updateNode);
}
