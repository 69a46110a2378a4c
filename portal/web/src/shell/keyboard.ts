// SPDX-License-Identifier: Apache-2.0
// Keys. One letter, or `g` and another within a second; never while somebody types, never with Ctrl, Alt or Meta.
import {signal} from '@preact/signals';

export interface Shortcut { keys: string; what: string; run: () => void }
const shortcuts = signal<Shortcut[]>([]);
export const helpOpen = signal(false);
let prefix = '';
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

/** Adds keys until the returned function is called; those added last win. */
export function addShortcuts(added: Shortcut[]): () => void {
    shortcuts.value = [...shortcuts.value, ...added];
    return () => { shortcuts.value = shortcuts.value.filter(s => !added.includes(s)); };
}
export const allShortcuts = shortcuts;

function typing(target: EventTarget | null): boolean {
    return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
        && !(target instanceof HTMLInputElement && /^(checkbox|radio|button)$/.test(target.type)));
}

export function focusSearch(): void {
    const field = document.querySelector<HTMLInputElement>('[data-search]');
    field?.focus();
    field?.select();
}

/** Called once by main. */
export function watchKeys(): void {
    document.addEventListener('keydown', event => {
        if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
        const target = event.composedPath()[0] ?? event.target;
        if (typing(target)) {
            if (event.key === 'Escape' && target instanceof HTMLInputElement) target.blur();
            return;
        }
        if (document.querySelector('dialog[open]') !== null) return;
        const keys = prefix === '' ? event.key : `${prefix} ${event.key}`;
        clearTimeout(prefixTimer);
        prefix = '';
        const hit = shortcuts.value.findLast(s => s.keys === keys);
        if (hit !== undefined) {
            event.preventDefault();
            hit.run();
        } else if (event.key === 'g') {
            prefix = 'g';
            prefixTimer = setTimeout(() => { prefix = ''; }, 1000);
        }
    });
}
