// SPDX-License-Identifier: Apache-2.0
// Numbers and times for people. Digits that change each second keep their width: the font is
// tabular, and a figure has three digits that count.

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat([], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat([], {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
});
const NONE = '–';

/** An exact count: "1,234,567". */
export const count = (n) => (n === undefined || n === null ? NONE : counts.format(n));

const three = (v) => (v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2));

/** "42.1", "1.23k", "3.20M": a figure, not a count. */
export function figure(v) {
    if (v === undefined || v === null || Number.isNaN(v)) return NONE;
    if (v === 0) return '0';
    for (const [unit, size] of [
        ['G', 1e9],
        ['M', 1e6],
        ['k', 1e3],
    ])
        if (v >= size * 0.9995) return three(v / size) + unit;
    return v < 0.01 ? '<0.01' : three(v);
}

export const rate = (v) => `${figure(v)}/s`;

/** Of microseconds: "840 µs", "12.3 ms", "1.20 s". */
export function latency(us) {
    if (us === undefined || us === null) return NONE;
    if (us === Infinity) return 'more';
    if (us < 1000) return `${Math.round(us)} µs`;
    return us < 999500 ? `${three(us / 1000)} ms` : `${three(us / 1e6)} s`;
}

/** A bound of a histogram, as short as it can be: "500 µs", "25 ms", "2.5 s". */
export function bound(us) {
    const [v, unit] = us >= 1e6 ? [us / 1e6, 's'] : us >= 1000 ? [us / 1000, 'ms'] : [us, 'µs'];
    return `${+v.toFixed(2)} ${unit}`;
}

/** Of a share from 0 to 1. Small ones aren't rounded to nothing. */
export function percent(v, digits = 1) {
    if (v === undefined || v === null || Number.isNaN(v)) return NONE;
    const p = v * 100;
    if (p > 0 && p < 10 ** -digits) return `<${10 ** -digits} %`;
    return `${+p.toFixed(digits)} %`;
}

/** A share exactly as far as it matters for weights: "0.03 %", "33.333 %". */
export const share = (v) => `${+(v * 100).toFixed(3)} %`;

export function bytes(n) {
    for (const [unit, size] of [
        ['GiB', 2 ** 30],
        ['MiB', 2 ** 20],
        ['KiB', 2 ** 10],
    ])
        if (n >= size) return `${three(n / size)} ${unit}`;
    return `${n} B`;
}

/** "45 s", "12 min", "3 h 10 min", "5 d 2 h". */
export function duration(seconds) {
    const v = Math.max(0, Math.round(seconds));
    const units = [
        ['d', 86400],
        ['h', 3600],
        ['min', 60],
        ['s', 1],
    ];
    const i = units.findIndex(([, size]) => v >= size);
    if (i < 0) return '0 s';
    const [unit, size] = units[i];
    const rest = i < 2 ? Math.floor((v % size) / units[i + 1][1]) : 0;
    return `${Math.floor(v / size)} ${unit}${rest ? ` ${rest} ${units[i + 1][0]}` : ''}`;
}

export const ago = (seconds) => (seconds < 1.5 ? 'now' : `${duration(seconds)} ago`);
/** Of milliseconds since 1970: the time, with the day when it isn't of the last twelve hours. */
export const time = (ms) => (Math.abs(Date.now() - ms) < 43200e3 ? clock : day).format(ms);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
