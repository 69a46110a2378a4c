// SPDX-License-Identifier: Apache-2.0
// The tab's one stream of updates. Parts of the page subscribe to topics; one connection carries them all.
import {signal} from '@preact/signals';
import {queryOf, staleSince, tellLoggedOut} from './client';
import {ApiError} from './problem';
import {stayConnected, type StreamState} from './stream';
import type {UpdateEvents} from './types';

export type Handlers = {[E in 'row' | 'gone' | 'detail' | 'pod' | 'cluster' | 'approvals' | 'reset' | 'denied']?: (data: UpdateEvents[E]) => void};

export const streamState = signal<StreamState | 'off'>('off');
/** Server's clock minus ours, in ms. */
export const clockSkew = signal(0);
/** The server is another version than the one this page came from. */
export const newVersion = signal(false);
let pageVersion = '';
export function setPageVersion(version: string): void { pageVersion = version; }

const subscribers = new Map<string, Set<Handlers>>();
let running: AbortController | undefined;
let lastId = '';
let scheduled = false;

/**
 * Calls `handlers` for events of `topic` until the returned function is called. `from` is the streamId of the list that
 * the subscriber shows, so that nothing between list and stream is lost; only topic `jobs` has one.
 */
export function subscribe(topic: string, handlers: Handlers, from?: string): () => void {
    const set = subscribers.get(topic) ?? new Set<Handlers>();
    subscribers.set(topic, set);
    set.add(handlers);
    if (from !== undefined) lastId = from;
    reopen();
    return () => {
        set.delete(handlers);
        if (set.size === 0 && subscribers.get(topic) === set) {
            subscribers.delete(topic);
            reopen();
        }
    };
}

/** Several parts come and go together when one moves between pages: one new connection for all of it. */
function reopen(): void {
    if (scheduled) return;
    scheduled = true;
    setTimeout(() => { scheduled = false; open(); }, 20);
}

function open(): void {
    running?.abort();
    running = undefined;
    const topics = [...subscribers.keys()].sort();
    if (topics.length === 0) { streamState.value = 'off'; return; }
    const abort = new AbortController();
    running = abort;
    void stayConnected({
        url: () => `/api/v1/stream${queryOf({topic: topics.slice(0, 8)})}`,
        lastId,
        signal: abort.signal,
        onEvent: (event, data, id) => {
            if (abort.signal.aborted) return;
            deliver(event as keyof UpdateEvents, data);
            if (id !== '') lastId = id;
        },
        onState: (state, problem) => {
            if (abort.signal.aborted) return;
            streamState.value = state;
            if (state === 'ended' && problem !== undefined && problem.status !== 401) refused(problem, topics);
        },
        isLast: (event, data) => event === 'end' && isFinal((data as UpdateEvents['end'])?.reason),
    });
}

function isFinal(reason: string): boolean {
    if (reason !== 'LoginExpired' && reason !== 'LoggedOut') return false;
    tellLoggedOut(new ApiError(401, {title: reason === 'LoggedOut' ? 'You were logged out' : 'Your login has ended', reason}));
    return true;
}

/** The stream as a whole was refused; every subscriber is told as if its own topic was. */
function refused(problem: ApiError, topics: string[]): void {
    for (const topic of topics) {
        for (const handlers of subscribers.get(topic) ?? []) {
            handlers.denied?.({topic, problem: {type: '', title: problem.title, status: problem.status, reason: problem.reason, instance: problem.instance, detail: problem.detail}});
        }
    }
}

function deliver(event: keyof UpdateEvents, data: unknown): void {
    if (data === null || typeof data !== 'object') return;
    if (event === 'hello') {
        const hello = data as UpdateEvents['hello'];
        const server = Date.parse(hello.time);
        if (Number.isFinite(server)) clockSkew.value = server - Date.now();
        staleSince.value = hello.staleSince ?? '';
        if (pageVersion !== '' && hello.version !== pageVersion) newVersion.value = true;
    } else if (event === 'stale') {
        staleSince.value = (data as UpdateEvents['stale']).since ?? '';
    } else if (event !== 'end') {
        const topic = (data as {topic?: unknown}).topic;
        if (typeof topic !== 'string') return;
        for (const handlers of [...subscribers.get(topic) ?? []]) {
            (handlers[event] as ((data: unknown) => void) | undefined)?.(data);
        }
    }
}
