// SPDX-License-Identifier: Apache-2.0
// The rows that the list shows, and what keeps them new.
import {batch, signal} from '@preact/signals';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import {subscribe} from '../api/updates';
import type {JobList, JobRow} from '../api/types';
import {append, place} from './order';
import {listQuery, topicOf, type Filter} from './query';

export const rows = signal<JobRow[] | undefined>(undefined);
export const total = signal(0);
export const phases = signal<JobList['phases']>({});
export const namespacesComplete = signal(true);
export const cursor = signal<string | undefined>(undefined);
export const loadingMore = signal(false);
export const listProblem = signal<ApiError | undefined>(undefined);

const recountMs = 3000;
const pollMs = 15_000;
let current: AbortController | undefined;
let again: (() => void) | undefined;

/** Shows the jobs of `filter` until the returned function is called. */
export function showJobs(filter: Filter): () => void {
    current?.abort();
    const abort = new AbortController();
    current = abort;
    let unsubscribe: (() => void) | undefined;
    let recount: ReturnType<typeof setTimeout> | undefined;
    let poll: ReturnType<typeof setInterval> | undefined;
    // Who may list but not watch, and whose filter is too long for a topic, is asked for anew now and then.
    let topic = topicOf(filter);

    const load = async () => {
        try {
            const page = await call('get', '/api/v1/jobs', {query: listQuery(filter), signal: abort.signal});
            if (abort.signal.aborted) return;
            batch(() => {
                rows.value = page.items;
                cursor.value = page.nextCursor;
                listProblem.value = undefined;
                count(page);
            });
            unsubscribe?.();
            if (topic !== undefined) unsubscribe = subscribe(topic, handlers, page.streamId);
            else poll ??= setInterval(() => void load(), pollMs);
        } catch (thrown) {
            if (isAbort(thrown) || abort.signal.aborted) return;
            listProblem.value = asApiError(thrown);
        }
    };
    // Counts are of all pages, so a change asks for them again, but not each change.
    const countSoon = () => {
        recount ??= setTimeout(async () => {
            recount = undefined;
            try {
                const page = await call('get', '/api/v1/jobs', {query: {...listQuery(filter), limit: 1}, signal: abort.signal});
                if (!abort.signal.aborted) count(page);
            } catch { /* the next change asks again */ }
        }, recountMs * (0.5 + Math.random()));
    };
    const handlers = {
        row: ({row}: {row: JobRow}) => {
            if (rows.value === undefined) return;
            const before = rows.value.find(r => r.uid === row.uid);
            rows.value = place(rows.value, row, filter.sort, cursor.value !== undefined);
            if (before?.phase !== row.phase) countSoon();
        },
        gone: ({uid}: {uid: string}) => {
            if (rows.value?.some(r => r.uid === uid)) rows.value = rows.value.filter(r => r.uid !== uid);
            countSoon();
        },
        reset: () => void load(),
        denied: () => {
            topic = undefined;
            unsubscribe?.();
            void load();
        },
    };
    again = () => void load();
    void load();
    return () => {
        abort.abort();
        unsubscribe?.();
        clearTimeout(recount);
        clearInterval(poll);
        rows.value = undefined;
    };
}

function count(page: JobList): void {
    total.value = page.total;
    phases.value = page.phases;
    namespacesComplete.value = page.namespacesComplete ?? true;
}

export function reload(): void { again?.(); }

/** The next page, behind what is shown. */
export async function loadMore(filter: Filter): Promise<void> {
    const from = cursor.peek();
    const signal = current?.signal;
    if (from === undefined || loadingMore.peek() || signal === undefined) return;
    loadingMore.value = true;
    try {
        const page = await call('get', '/api/v1/jobs', {query: {...listQuery(filter), cursor: from}, signal});
        if (signal.aborted) return;
        batch(() => {
            rows.value = append(rows.peek() ?? [], page.items);
            cursor.value = page.nextCursor;
        });
    } catch (thrown) {
        if (!isAbort(thrown)) listProblem.value = asApiError(thrown);
    } finally {
        loadingMore.value = false;
    }
}

/** A row that a write gave back; the stream brings the same a little later. */
export function applyRow(row: JobRow, filter: Filter): void {
    if (rows.value !== undefined) rows.value = place(rows.value, row, filter.sort, cursor.value !== undefined);
}
