// SPDX-License-Identifier: Apache-2.0
// Has the server check what is written, when typing pauses; nothing is stored.
import {signal} from '@preact/signals';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';

export type Checked = {state: 'idle' | 'checking' | 'good'} | {state: 'refused'; problem: ApiError};
export const checked = signal<Checked>({state: 'idle'});

const pauseMs = 700;
let running: AbortController | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

export function checkSoon(namespace: string, yaml: string): void {
    stopChecking();
    if (namespace === '' || yaml.trim() === '') { checked.value = {state: 'idle'}; return; }
    checked.value = {state: 'checking'};
    timer = setTimeout(() => void check(namespace, yaml), pauseMs);
}

export function stopChecking(): void {
    clearTimeout(timer);
    running?.abort();
    running = undefined;
}

async function check(namespace: string, yaml: string): Promise<void> {
    const abort = running = new AbortController();
    try {
        await call('post', '/api/v1/namespaces/{namespace}/jobs', {path: {namespace}, query: {dryRun: 'All'}, yaml, signal: abort.signal});
        if (!abort.signal.aborted) checked.value = {state: 'good'};
    } catch (thrown) {
        if (!isAbort(thrown) && !abort.signal.aborted) checked.value = {state: 'refused', problem: asApiError(thrown)};
    }
}
