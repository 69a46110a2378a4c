// SPDX-License-Identifier: Apache-2.0
// One job, kept new by the stream: detail and pods.
import {batch, signal} from '@preact/signals';
import {call} from '../api/client';
import {ApiError, asApiError, isAbort} from '../api/problem';
import {subscribe} from '../api/updates';
import type {JobDetail, JobRow, PodRow} from '../api/types';

export const detail = signal<JobDetail | undefined>(undefined);
export const pods = signal<ReadonlyMap<string, PodRow> | undefined>(undefined);
export const podsProblem = signal<ApiError | undefined>(undefined);
export const jobProblem = signal<ApiError | undefined>(undefined);
/** The job was deleted while it was looked at; what was known of it stays. */
export const deleted = signal(false);

/** Follows the job until the returned function is called. */
export function showJob(namespace: string, job: string): () => void {
    const abort = new AbortController();
    const path = {namespace, job};
    batch(() => {
        detail.value = undefined;
        pods.value = undefined;
        jobProblem.value = undefined;
        podsProblem.value = undefined;
        deleted.value = false;
    });
    const load = async () => {
        try {
            const got = await call('get', '/api/v1/namespaces/{namespace}/jobs/{job}', {path, signal: abort.signal});
            if (abort.signal.aborted) return;
            batch(() => { detail.value = got; jobProblem.value = undefined; deleted.value = false; });
            if (got.can.listPods) await loadPods();
        } catch (thrown) {
            if (!isAbort(thrown) && !abort.signal.aborted) jobProblem.value = asApiError(thrown);
        }
    };
    // A page at a time; the stream begins with all of them too, so a page that is late changes nothing that is newer.
    const loadPods = async () => {
        try {
            const map = new Map<string, PodRow>();
            let cursor: string | undefined;
            do {
                const page = await call('get', '/api/v1/namespaces/{namespace}/jobs/{job}/pods', {path, query: {limit: 500, ...(cursor === undefined ? {} : {cursor})}, signal: abort.signal});
                for (const pod of page.items) map.set(pod.uid, pod);
                cursor = page.nextCursor;
            } while (cursor !== undefined);
            pods.value = map;
        } catch (thrown) {
            if (!isAbort(thrown) && !abort.signal.aborted) podsProblem.value = asApiError(thrown);
        }
    };
    void load();
    const unsubscribe = subscribe(`job/${namespace}/${job}`, {
        detail: data => {
            const before = detail.value;
            if (before !== undefined && before.row.uid === data.detail.row.uid && Number(before.row.resourceVersion) > Number(data.detail.row.resourceVersion)) return;
            batch(() => { detail.value = data.detail; jobProblem.value = undefined; deleted.value = false; });
        },
        pod: ({pod, gone}) => {
            const next = new Map(pods.value ?? []);
            if (gone) next.delete(pod.uid); else next.set(pod.uid, pod);
            pods.value = next;
        },
        gone: () => { deleted.value = true; },
        reset: () => void load(),
        denied: ({problem}) => { jobProblem.value = new ApiError(problem.status, problem); },
    });
    return () => {
        abort.abort();
        unsubscribe();
    };
}

/** A row that a write gave back. */
export function applyRow(row: JobRow): void {
    if (detail.value !== undefined) detail.value = {...detail.value, row};
}

/** By rank, the newest attempt first. */
export function podOrder(a: PodRow, b: PodRow): number {
    return a.rank - b.rank || b.attempt - a.attempt || (a.uid < b.uid ? -1 : 1);
}
