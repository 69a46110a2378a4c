// SPDX-License-Identifier: Apache-2.0
// Small choices that this browser keeps. A browser that keeps nothing is fine too. Never anything secret.

export function recall(name: string): string | null {
    try { return localStorage.getItem(`dlws-${name}`); } catch { return null; }
}

export function remember(name: string, value: string): void {
    try { localStorage.setItem(`dlws-${name}`, value); } catch { /* private mode, or full */ }
}
