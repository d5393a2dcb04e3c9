// SPDX-License-Identifier: Apache-2.0
// The page: what the gateway says each second goes to each part. Parts keep nothing but their
// elements; what was seen before is in history.js, what connects is in live.js.

import { ask, hasToken, keepToken, Refusal } from './api.js';
import { showBreakers, takeBreakerEvent } from './breakers.js';
import { beginBudget, showBudget } from './budget.js';
import { showCanaries } from './canaries.js';
import { $, attr, show, text } from './dom.js';
import { showEndpoints } from './endpoints.js';
import { showAttention, showFigures } from './figures.js';
import { showFlow } from './flow.js';
import { duration, time } from './format.js';
import { showHeat } from './heat.js';
import { History } from './history.js';
import { Live } from './live.js';
import { showEvents, showFleet, showOverrides, showProcesses, takeEvents } from './rest.js';
import { setRights } from './rights.js';
import { showRoutes } from './routes.js';

const PARTS = [
    showFigures,
    showAttention,
    showFlow,
    showRoutes,
    showCanaries,
    showBreakers,
    showEndpoints,
    showOverrides,
    showHeat,
    showBudget,
    showFleet,
    showProcesses,
];

const history = new History();
let version;

/* -- data ---------------------------------------------------------------------------------------- */

function showProcess(o) {
    text($('brand'), o.instance ? `Weir ${o.instance}` : 'Weir');
    text(
        $('process'),
        `${o.version} · up ${duration(o.now_ms / 1000 - o.started)} · generation ${o.generation} of ${o.file}`,
    );
    document.title = o.instance ? `${o.instance} · Weir` : 'Weir';
    version ??= o.version;
    if (version !== o.version) {
        text(
            $('banner'),
            `The gateway is version ${o.version} now, this page is of ${version}: load it again.`,
        );
        show($('banner'), true);
    }
}

function showAll() {
    const view = history.view();
    if (!view.now) return;
    showProcess(view.now);
    for (const part of PARTS) part(view);
}

let seenAt; // by our clock: how old what is shown is

function onOverview(o) {
    if (!history.take(o)) return;
    seenAt = Date.now();
    show($('loading'), false);
    show($('content'), true);
    showAll();
    followEvents(o.events_next);
}

/* -- events: asked for when there are new ones ----------------------------------------------------- */

let tells = false; // are there any to ask for?
let after = 0,
    asking = false,
    known;

async function followEvents(next) {
    if (!tells || next === undefined || next === known || asking) return;
    asking = true;
    try {
        const answer = await ask('v1/events', after ? { after, limit: 100 } : { limit: 200 });
        for (const e of answer.events) takeBreakerEvent(e);
        takeEvents(answer.events, after > 0);
        after = answer.events.at(-1)?.n ?? after;
        known = next;
    } catch (error) {
        if (error instanceof Refusal) known = next; // it has none to tell
    }
    asking = false;
}

/* -- the connection ------------------------------------------------------------------------------ */

let connection = { state: 'connecting' };

function sayConnection() {
    const { state, error, retryAt } = connection;
    const old = seenAt
        ? `what you see is ${duration((Date.now() - seenAt) / 1000)} old`
        : 'nothing has come yet';
    const retry = retryAt ? `, next try in ${duration((retryAt - Date.now()) / 1000)}` : '';
    const words = {
        live: () => 'Live',
        connecting: () => (seenAt ? `Connecting; ${old}` : 'Connecting'),
        waiting: () => `No connection; ${old}${retry}`,
        refused: () => (seenAt ? `Refused; ${old}` : 'Refused'),
        hidden: () => `Paused while this tab is hidden; ${old}`,
    };
    text($('connection-text'), words[state]());
    attr($('connection'), 'data-state', state);
    attr($('connection'), 'title', error?.message);
    attr(
        document.body,
        'data-stale',
        state !== 'live' && seenAt && Date.now() - seenAt > 3000 ? 'yes' : null,
    );
}

const SPOKEN = {
    waiting: 'The connection is lost. It is tried again.',
    refused: 'The gateway refuses to answer.',
};
let spoken = 'live';

function onState(state, error, retryAt) {
    connection = { state, error, retryAt };
    sayConnection();
    if (state === 'refused') onRefused(error);
    if (state === 'live' && spoken !== 'live')
        text($('announcer'), `Connected again at ${time(Date.now())}.`);
    if (SPOKEN[state] && spoken !== state) text($('announcer'), SPOKEN[state]);
    if (state === 'live' || SPOKEN[state]) spoken = state;
}

function askForToken(why) {
    text($('token-why'), why);
    show($('token-form'), true);
    show($('token-ask'), false);
    $('token').focus();
}

function onRefused(error) {
    show($('loading'), false);
    if (error.status === 401) {
        askForToken(error.message);
    } else {
        text($('banner'), error.message);
        show($('banner'), true);
    }
    show($('token-forget'), hasToken());
}

function onWho(who) {
    show($('token-form'), false);
    show($('token-forget'), hasToken());
    show($('token-ask'), !who.may_change && !hasToken());
    setRights(who);
    tells = who.paths.some((p) => p.path === '/v1/events');
}

const live = new Live({ overview: onOverview, state: onState, who: onWho });

/* -- what the reader does ------------------------------------------------------------------------ */

$('token-form').addEventListener('submit', (event) => {
    event.preventDefault();
    keepToken($('token').value.trim());
    $('token').value = '';
    live.start();
});
$('token-ask').addEventListener('click', () =>
    askForToken(
        'Where this admin socket has tokens (admin.tokens), one of the role read-write lets you change things.',
    ),
);
$('token-forget').addEventListener('click', () => {
    keepToken('');
    location.reload();
});
$('latency-route').addEventListener('change', showAll);
$('events-grave').addEventListener('change', showEvents);
for (const details of document.querySelectorAll('details'))
    details.addEventListener('toggle', showAll);
addEventListener('resize', showAll);
setInterval(() => connection.state !== 'live' && sayConnection(), 1000);
beginBudget(showAll);
live.start();
