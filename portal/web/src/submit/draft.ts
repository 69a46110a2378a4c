// SPDX-License-Identifier: Apache-2.0
// What was being written when the page was left, until it is submitted or its writer logs out.

/** `kept`: it is what was being written when the page was left. */
export interface Begun { yaml: string; namespace: string; kept?: boolean }

const key = 'dlws-draft';
export function keepDraft(draft: Begun & {from: string}): void {
    try { sessionStorage.setItem(key, JSON.stringify(draft)); } catch { /* nothing is kept */ }
}
export function keptDraft(from: string): Begun | undefined {
    try {
        const draft: unknown = JSON.parse(sessionStorage.getItem(key) ?? 'null');
        if (draft === null || typeof draft !== 'object') return undefined;
        const {yaml, namespace, from: was} = draft as Record<string, unknown>;
        return was === from && typeof yaml === 'string' && typeof namespace === 'string' ? {yaml, namespace, kept: true} : undefined;
    } catch {
        return undefined;
    }
}
export function dropDraft(): void { try { sessionStorage.removeItem(key); } catch { /* nothing was kept */ } }
