// SPDX-License-Identifier: Apache-2.0
// Keeps the page supplied: one stream while somebody looks, none in a hidden tab, and a new try
// after a while when it ends. What comes is an object of GET /v1/overview.
//
//     HIDDEN ◄──► CONNECTING ──► LIVE ──(ends, fails, falls silent)──► WAITING ──► CONNECTING
//                     └──(401, 403)──► REFUSED: until there is another token

import { ask, listen, Refusal } from './api.js';

const SILENT_MS = 6000; // the gateway says something each second
const FIRST_MS = 400;
const LAST_MS = 15000;

export class Live {
    /** told: overview(object), state(word, error, retryAt), who({who, may_change}) */
    constructor(told) {
        this.told = told;
        this.wait = FIRST_MS;
        this.state = 'connecting';
        document.addEventListener('visibilitychange', () =>
            document.hidden ? this.stop('hidden') : this.start(),
        );
    }

    set(state, error, retryAt) {
        this.state = state;
        this.told.state(state, error, retryAt);
    }

    start() {
        if (document.hidden) {
            this.stop('hidden');
            return;
        }
        this.stop('connecting');
        const own = (this.control = new AbortController());
        this.run(own).then(
            () => this.again(own, new Error('the gateway ended the connection')),
            (error) => this.again(own, error),
        );
    }

    async run(own) {
        const listener = (data) => {
            const overview = JSON.parse(data);
            this.wait = FIRST_MS;
            if (this.state !== 'live') this.set('live');
            this.told.overview(overview);
        };
        this.awake(own);
        this.told.who(await ask('v1', undefined, own.signal));
        try {
            await listen('v1/overview/stream', listener, () => this.awake(own), own.signal);
        } catch (error) {
            // Too many read the stream: then a look at each try has to do.
            if (error.status !== 503) throw error;
            this.told.overview(await ask('v1/overview', undefined, own.signal));
            throw error;
        }
    }

    awake(own) {
        clearTimeout(this.silence);
        this.silence = setTimeout(
            () => own.abort(new Error('nothing has come for a while')),
            SILENT_MS,
        );
    }

    again(own, error) {
        if (own !== this.control) return;
        this.stop('waiting');
        if (error instanceof Refusal && (error.status === 401 || error.status === 403)) {
            this.set('refused', error);
            return;
        }
        // Not all pages come back in the same moment.
        const ms = this.wait * (0.75 + Math.random() / 2);
        this.wait = Math.min(this.wait * 2, LAST_MS);
        this.retry = setTimeout(() => this.start(), ms);
        this.set('waiting', error, Date.now() + ms);
    }

    stop(state) {
        const own = this.control;
        this.control = undefined;
        clearTimeout(this.silence);
        clearTimeout(this.retry);
        own?.abort();
        this.set(state);
    }
}
