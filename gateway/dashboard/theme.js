// SPDX-License-Identifier: Apache-2.0
// Light or dark, before anything is drawn: no module, so that it runs first. "auto" is what the
// system says.
(() => {
    const choices = ['auto', 'light', 'dark'];
    const root = document.documentElement;
    const stored = () => choices.find((c) => c === localStorage.getItem('weir.theme')) ?? 'auto';
    const apply = (choice) => {
        if (choice === 'auto') root.removeAttribute('data-theme');
        else root.setAttribute('data-theme', choice);
    };
    apply(stored());
    addEventListener('DOMContentLoaded', () => {
        const select = document.getElementById('theme');
        select.value = stored();
        select.addEventListener('change', () => {
            localStorage.setItem('weir.theme', select.value);
            apply(select.value);
        });
    });
})();
