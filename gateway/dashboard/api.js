// SPDX-License-Identifier: Apache-2.0
// The admin API, as the page asks it. Everything goes through fetch(), also the stream of
// server-sent events, whose own interface can send no token. Paths are relative, so that the page
// also works behind a proxy that adds a prefix.

const KEY = 'weir.token';

let token = sessionStorage.getItem(KEY) ?? '';

/** A token lives as long as the tab. '' forgets it. */
export function keepToken(value) {
    token = value;
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
}

export const hasToken = () => token !== '';

/** What the API refused, in its own words. */
export class Refusal extends Error {
    constructor(status, answer) {
        super(answer?.error ?? `the gateway answered with status ${status}`);
        this.status = status;
        this.field = answer?.field;
    }
}

function options(signal, more) {
    const headers = { ...more?.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    return {
        cache: 'no-store',
        credentials: 'same-origin',
        redirect: 'error',
        signal,
        ...more,
        headers,
    };
}

async function refuse(response) {
    throw new Refusal(response.status, await response.json().catch(() => undefined));
}

/** GET, or POST of an object. Gives the answer; throws a Refusal, or a TypeError when nobody is
    there. */
export async function ask(path, content, signal) {
    const more = content && {
        method: 'POST',
        body: JSON.stringify(content),
        headers: { 'Content-Type': 'application/json' },
    };
    const response = await fetch(path, options(signal, more));
    if (!response.ok) await refuse(response);
    return response.json();
}

/** Reads server-sent events and calls heard(data) for each, and alive() whenever something comes;
    ends when the stream does. */
export async function listen(path, heard, alive, signal) {
    const response = await fetch(
        path,
        options(signal, { headers: { Accept: 'text/event-stream' } }),
    );
    if (!response.ok) await refuse(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let pieces = []; // of an event that may be large: put together once, when its end is there
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        alive();
        const before = pieces.at(-1)?.slice(-2) ?? '';
        pieces.push(value);
        if (!/\n\r?\n/.test(before + value)) continue;
        const events = pieces.join('').split(/\r?\n\r?\n/);
        pieces = [events.pop()];
        events.forEach((event) => hear(event, heard));
    }
}

function hear(event, heard) {
    const lines = event.split(/\r?\n/).filter((l) => l.startsWith('data:'));
    if (lines.length) heard(lines.map((l) => l.slice(5).replace(/^ /, '')).join('\n'));
}
