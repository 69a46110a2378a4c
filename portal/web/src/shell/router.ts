// SPDX-License-Identifier: Apache-2.0
// Where the page is. Links are plain <a href>; clicks on ours are followed without loading the page anew.
import {computed, signal} from '@preact/signals';
import {readState, writeState, type Fields} from './urlstate';

export const path = signal(location.pathname);
export const search = signal(location.search);
export const query = computed(() => new URLSearchParams(search.value));

const served = /^\/(api|auth|assets)(\/|$)/;

function read(): void {
    path.value = location.pathname;
    search.value = location.search;
}

/** `to` is a path of this page with its query. */
export function navigate(to: string, replace = false): void {
    const target = new URL(to, location.href);
    if (target.origin !== location.origin) return;
    const before = location.pathname;
    if (target.href === location.href) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', target.pathname + target.search);
    read();
    if (location.pathname !== before) {
        scrollTo(0, 0);
        // Who reads by ear or keyboard goes on at the new page, not at the link's old place.
        requestAnimationFrame(() => document.getElementById('main')?.focus({preventScroll: true}));
    }
}

/** The state in the query of this page, and how to change it. Reading it in a component follows it. */
export function urlState<S extends object>(fields: Fields<S>): {get: () => S; set: (change: Partial<S>, replace?: boolean) => void} {
    return {
        get: () => readState(fields, query.value),
        set: (change, replace = true) => {
            navigate(path.peek() + writeState(fields, {...readState(fields, query.peek()), ...change}), replace);
        },
    };
}

export const jobPath = (namespace: string, job: string, tab = ''): string =>
    `/jobs/${encodeURIComponent(namespace)}/${encodeURIComponent(job)}${tab === '' ? '' : `/${tab}`}`;

/** Called once by main. */
export function followLinks(): void {
    addEventListener('popstate', read);
    document.addEventListener('click', event => {
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        const link = event.composedPath().find((e): e is HTMLAnchorElement => e instanceof HTMLAnchorElement);
        if (link === undefined || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
        if (served.test(link.pathname) || (link.hash !== '' && link.pathname === location.pathname)) return;
        event.preventDefault();
        navigate(link.pathname + link.search);
    });
}

/** `/jobs/a/b` to its parts; undefined where a part cannot be decoded. */
export function segments(pathname: string): string[] | undefined {
    try {
        return pathname.split('/').filter(s => s !== '').map(decodeURIComponent);
    } catch {
        return undefined;
    }
}
