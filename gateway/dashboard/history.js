// SPDX-License-Identifier: Apache-2.0
// What the page has seen. An overview is cumulative, so everything that has a rate is a difference
// of two: over the last seconds for what is live, over a second each for the past. Where the page
// saw nothing for a while (no connection, a hidden tab) there is a gap, not a guess.

const WINDOW_MS = 10000; // of rates: long enough to be calm, short enough to be live
const GAP_MS = 3500; // between two overviews; more is a gap
export const SECONDS = 150;
const ROUTES = 60; // that have a past of their own; all together always have

const byName = (list) => new Map((list ?? []).map((o) => [o.name, o]));
const minus = (a, b) => a.map((v, i) => v - (b?.[i] ?? 0));

/** What happened between two states of a T (see docs/openapi.json); without the older one nothing
    is known of it. */
export function traffic(now, before) {
    if (!now || !before) return undefined;
    return {
        requests: (now.requests ?? now.attempts) - (before.requests ?? before.attempts),
        status: minus(now.status, before.status),
        latency: minus(now.latency, before.latency),
        retries: (now.retries ?? 0) - (before.retries ?? 0),
        failures: (now.failures ?? 0) - (before.failures ?? 0),
    };
}

export function add(a, b) {
    if (!a || !b) return a ?? b;
    const plus = (x, y) => x.map((v, i) => v + y[i]);
    return {
        requests: a.requests + b.requests,
        status: plus(a.status, b.status),
        latency: plus(a.latency, b.latency),
        retries: (a.retries ?? 0) + (b.retries ?? 0),
        failures: (a.failures ?? 0) + (b.failures ?? 0),
    };
}

/** The latency (µs) that this share of the counted were faster than, as if they lay evenly in
    their bucket. undefined: nothing was counted; Infinity: it is beyond the last bound. */
export function quantile(counts, bounds, q) {
    const all = counts.reduce((a, b) => a + b, 0);
    if (!all) return undefined;
    let left = q * all;
    for (let i = 0; i < counts.length; i++) {
        if (left > counts[i] || !counts[i]) {
            left -= counts[i];
            continue;
        }
        if (i >= bounds.length) return Infinity;
        const low = i ? bounds[i - 1] : 0;
        return low + ((bounds[i] - low) * left) / counts[i];
    }
    return Infinity;
}

/** Requests of all routes, and of none. */
export const total = (o) =>
    [o.unrouted, ...o.routes.map((r) => r.traffic)].reduce((a, b) => add(a, b));

/** Did it begin to count anew: another gateway, or one that was stopped in between? */
const began = (now, before) =>
    now.started !== before.started && total(now).requests < total(before).requests;

export class History {
    constructor() {
        this.recent = []; // overviews of the last seconds, the oldest first
        this.past = []; // {at, ms, all, routes: Map, gap}: a second each, the oldest first
        this.first = undefined;
    }

    take(o) {
        const last = this.recent.at(-1);
        if (last && o.now_ms <= last.now_ms && !began(o, last)) return false;
        if (last && began(o, last)) this.forget();
        const before = this.recent.at(-1);
        const gap = before && o.now_ms - before.now_ms > GAP_MS;
        if (before) this.remember(o, before, gap);
        if (gap) this.recent = [before];
        this.first ??= o;
        this.recent.push(o);
        while (this.recent.length > 2 && o.now_ms - this.recent[1].now_ms >= WINDOW_MS)
            this.recent.shift();
        return true;
    }

    forget() {
        this.recent = [];
        this.past = [];
        this.first = undefined;
    }

    remember(o, before, gap) {
        const had = byName(before.routes);
        const entry = { at: o.now_ms, ms: o.now_ms - before.now_ms, gap, routes: new Map() };
        if (!gap) {
            entry.all = traffic(total(o), total(before));
            for (const r of o.routes.slice(0, ROUTES))
                entry.routes.set(r.name, traffic(r.traffic, had.get(r.name)?.traffic));
        }
        this.past.push(entry);
        if (this.past.length > SECONDS) this.past.shift();
    }

    /** The newest overview, and what happened in the last seconds. */
    view() {
        const now = this.recent.at(-1);
        const before = this.recent.length > 1 ? this.recent[0] : undefined;
        return new View(now, before, this);
    }
}

/** Differences of two overviews, found by name. */
class View {
    constructor(now, before, history) {
        this.now = now;
        this.history = history;
        this.seconds = before ? (now.now_ms - before.now_ms) / 1000 : 0;
        this.all = before && traffic(total(now), total(before));
        this.old = before && {
            listeners: byName(before.listeners),
            routes: byName(before.routes),
            clusters: byName(before.clusters),
            routeNames: before.routes.map((r) => r.name),
        };
    }

    perSecond(n) {
        return this.seconds && n !== undefined ? Math.max(0, n) / this.seconds : undefined;
    }

    route(r) {
        return this.old && traffic(r.traffic, this.old.routes.get(r.name)?.traffic);
    }

    variant(r, v) {
        const old = this.old?.routes.get(r.name)?.variants?.find((x) => x.name === v.name);
        return old && traffic(v.traffic, old.traffic);
    }

    cluster(c) {
        return this.old && traffic(c.traffic, this.old.clusters.get(c.name)?.traffic);
    }

    endpoint(c, e) {
        const old = this.old?.clusters.get(c.name)?.endpoints?.find((x) => x.name === e.name);
        return old && traffic(e, old);
    }

    /** Requests a second from this listener to each route, the last to none; undefined: not counted. */
    flows(l) {
        const old = this.old?.listeners.get(l.name);
        if (!old?.flows || !l.flows) return undefined;
        const at = (name) =>
            name === undefined ? old.flows.length - 1 : this.old.routeNames.indexOf(name);
        return l.flows.map((n, i) => {
            const k = at(this.now.routes[i]?.name);
            return k < 0 ? 0 : this.perSecond(n - old.flows[k]);
        });
    }

    listener(l) {
        const old = this.old?.listeners.get(l.name);
        return old && this.perSecond(l.requests - old.requests);
    }

    p(t, q) {
        return t && quantile(t.latency, this.now.bounds_us, q);
    }
}

/** The share of answers that the gateway or a backend failed (5xx) of those that were given. */
export function errors(t) {
    const answered = t ? t.status.slice(1).reduce((a, b) => a + b, 0) : 0;
    return answered ? t.status[5] / answered : undefined;
}
