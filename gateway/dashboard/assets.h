/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DASHBOARD_ASSETS_H
#define WEIR_DASHBOARD_ASSETS_H

/* The files of the page: symbol, path in the tree, kind. Read by the assembler (assets.S) and by
 * the compiler. */
#define DASHBOARD_ASSETS(A)                                                                        \
    A(index, "gateway/dashboard/index.html", HTML)                                                 \
    A(style, "gateway/dashboard/style.css", CSS)                                                   \
    A(icon, "gateway/dashboard/icon.svg", SVG)                                                     \
    A(api, "gateway/dashboard/api.js", JS)                                                         \
    A(breakers, "gateway/dashboard/breakers.js", JS)                                               \
    A(budget, "gateway/dashboard/budget.js", JS)                                                   \
    A(canaries, "gateway/dashboard/canaries.js", JS)                                               \
    A(dialog, "gateway/dashboard/dialog.js", JS)                                                   \
    A(dom, "gateway/dashboard/dom.js", JS)                                                         \
    A(endpoints, "gateway/dashboard/endpoints.js", JS)                                             \
    A(figures, "gateway/dashboard/figures.js", JS)                                                 \
    A(flow, "gateway/dashboard/flow.js", JS)                                                       \
    A(format, "gateway/dashboard/format.js", JS)                                                   \
    A(heat, "gateway/dashboard/heat.js", JS)                                                       \
    A(history, "gateway/dashboard/history.js", JS)                                                 \
    A(live, "gateway/dashboard/live.js", JS)                                                       \
    A(main, "gateway/dashboard/main.js", JS)                                                       \
    A(rest, "gateway/dashboard/rest.js", JS)                                                       \
    A(rights, "gateway/dashboard/rights.js", JS)                                                   \
    A(routes, "gateway/dashboard/routes.js", JS)                                                   \
    A(theme, "gateway/dashboard/theme.js", JS)

#endif
