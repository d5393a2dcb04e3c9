// SPDX-License-Identifier: Apache-2.0
// Elements without a framework. What is shown each second is changed in place, never made anew: a
// button keeps its focus, a table its scroll, and a screen reader its place. All that came as data
// becomes text or an attribute, never markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(e, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {}))
        if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
        else if (value !== undefined && value !== false && value !== null)
            e.setAttribute(name, value === true ? '' : value);
    e.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== false));
    return e;
}

/** h('p', {class: 'note', onclick: f}, 'text', element...) */
export const h = (tag, attributes, ...children) =>
    fill(document.createElement(tag), attributes, children);
/** The same of SVG. */
export const s = (tag, attributes, ...children) =>
    fill(document.createElementNS(SVG, tag), attributes, children);

export const $ = (id) => document.getElementById(id);

/** Sets text only where it is another: an unchanged node costs no layout. */
export function text(e, value) {
    const v = String(value);
    if (e.textContent !== v) e.textContent = v;
}

export function attr(e, name, value) {
    if (value === null || value === undefined || value === false) {
        if (e.hasAttribute(name)) e.removeAttribute(name);
    } else {
        const v = value === true ? '' : String(value);
        if (e.getAttribute(name) !== v) e.setAttribute(name, v);
    }
}

export function show(e, on) {
    if (e.hidden === on) e.hidden = !on;
}

/** Makes the children of `parent` those of `items`, in their order: one is made once for each key,
    then only updated. update(element, item) finds what it needs in element.its. */
export function sync(parent, items, key, make, update) {
    const had = (parent.kept ??= new Map());
    const now = new Map();
    let at = parent.firstElementChild;
    for (const item of items) {
        const k = key(item);
        if (now.has(k)) continue;
        const e = had.get(k) ?? make(item);
        now.set(k, e);
        if (e === at) at = at.nextElementSibling;
        else parent.insertBefore(e, at);
        update?.(e, item);
    }
    for (const [k, e] of had) if (!now.has(k)) e.remove();
    parent.kept = now;
}

/** A row of a table from {name: cell}; its cells are row.its.name. The first is the row's head. */
export function row(cells) {
    const tr = h('tr');
    tr.its = {};
    for (const [name, options] of Object.entries(cells)) {
        const first = !tr.childElementCount;
        tr.its[name] = h(first ? 'th' : 'td', { ...options, scope: first ? 'row' : undefined });
        tr.append(tr.its[name]);
    }
    return tr;
}

/** A button that explains itself where it may not be pressed: it stays reachable, and is read out
    with the reason (see rights.js). */
export const button = (label, onclick, attributes) =>
    h('button', { type: 'button', onclick, ...attributes }, label);
