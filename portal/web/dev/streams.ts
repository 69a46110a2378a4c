// SPDX-License-Identifier: Apache-2.0
// FOR DEVELOPMENT ONLY: updates of made-up jobs.
import type {ServerResponse} from 'node:http';
import type {JobRow, Phase} from '../src/api/types.ts';
import {approvals, cluster, detailOf, jobs, keyOf, nextVersion, podsOf, random, streamId} from './data.ts';
import type {Call} from './mock.ts';

const open = new Map<ServerResponse, string[]>();

export function event(response: ServerResponse, name: string, data: unknown, id?: string): void {
    response.write(`event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
}

export function streamUpdates({query, response}: Call, stale: string | undefined): void {
    response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
    const topics = query.getAll('topic');
    open.set(response, topics);
    event(response, 'hello', {time: new Date().toISOString(), version: '0.1.0', retryMs: 1000, staleSince: stale}, streamId());
    for (const topic of topics) {
        const job = /^job\/(.*)$/.exec(topic)?.[1];
        const row = job === undefined ? undefined : jobs.get(job);
        if (row !== undefined) {
            event(response, 'detail', {topic, detail: detailOf(row)});
            for (const pod of podsOf(row)) event(response, 'pod', {topic, pod});
        }
        if (topic === 'cluster') event(response, 'cluster', {topic, cluster: cluster()});
        if (topic === 'approvals') event(response, 'approvals', {topic, waiting: approvals.filter(a => a.state === 'Awaiting' && a.mayDecide).length});
    }
    const beat = setInterval(() => response.write(':\n\n'), 15_000);
    response.on('close', () => { open.delete(response); clearInterval(beat); });
}

/** Tells all streams whose topic the row may fit; the mock looks at `mine` alone. */
export function changed(row: JobRow, gone = false): void {
    for (const [response, topics] of open) {
        for (const topic of topics) {
            if (topic.startsWith('jobs')) {
                if (topic.includes('mine=true') && row.owner !== 'alice@example.org') continue;
                if (topic.includes('phase=') && !topic.includes(`phase=${row.phase}`)) gone = true;
                if (gone) event(response, 'gone', {topic, namespace: row.namespace, name: row.name, uid: row.uid}, streamId());
                else event(response, 'row', {topic, row}, streamId());
            } else if (topic === `job/${keyOf(row)}`) {
                event(response, 'detail', {topic, detail: detailOf(row)});
                for (const pod of podsOf(row)) event(response, 'pod', {topic, pod});
            }
        }
    }
}

const nextPhase: Partial<Record<Phase, [Phase, string]>> = {
    Queued: ['Starting', '1 of 4 pods run.'], Starting: ['Running', 'All pods run.'], Stopping: ['Stopped', 'Stopped by its user.'], Restarting: ['Starting', '2 of 4 pods run.'],
};
// Unreferenced: a build loads this file too, and must end.
setInterval(() => {
    const list = [...jobs.values()];
    const row = list[Math.floor(random() * list.length)]!;
    const next = nextPhase[row.phase];
    if (next === undefined || open.size === 0) return;
    const now = {...row, phase: next[0], why: next[1], resourceVersion: nextVersion(), pending: undefined, startedAt: new Date().toISOString()};
    jobs.set(keyOf(now), now);
    changed(now);
}, 400).unref();
