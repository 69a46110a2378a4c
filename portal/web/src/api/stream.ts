// SPDX-License-Identifier: Apache-2.0
// One stream of server-sent events that stays: read by fetch (EventSource can send no Last-Event-ID of ours and tells no
// status), connected anew with full jitter, resumed behind the last event that was read whole.
import {tabAway} from './away';
import {tellLoggedOut} from './client';
import {Backoff} from './backoff';
import {ApiError, asApiError, problemOf} from './problem';
import {SseParser} from './sse';

/** `away`: nobody sees the tab, so there is no connection until somebody does. */
export type StreamState = 'connecting' | 'open' | 'waiting' | 'away' | 'ended';

export interface StreamOptions {
    /** Asked before each connection; `lastId` is empty until an event with an id was read. */
    url: (lastId: string) => string;
    lastId?: string;
    onEvent: (event: string, data: unknown, lastId: string) => void;
    onState?: (state: StreamState, problem?: ApiError) => void;
    /** True ends the stream: the reason is one after which nothing more comes. */
    isLast?: (event: string, data: unknown) => boolean;
    signal: AbortSignal;
}

const silenceMs = 45_000;   // a comment comes every 15 s
const steadyMs = 10_000;    // a connection that held so long was a good one

/** Runs until `signal` aborts or the last event came; never throws. */
export async function stayConnected(options: StreamOptions): Promise<void> {
    const backoff = new Backoff();
    let lastId = options.lastId ?? '';
    let baseMs = 1000;
    while (!options.signal.aborted) {
        if (tabAway.peek()) {
            options.onState?.('away');
            await untilSeen(options.signal);
            continue;
        }
        options.onState?.('connecting');
        const began = performance.now();
        let problem: ApiError | undefined;
        try {
            const outcome = await connect(options, lastId, (id, retryMs) => {
                lastId = id;
                if (retryMs !== undefined) baseMs = Math.min(60_000, Math.max(100, retryMs));
            });
            if (outcome === 'last') { options.onState?.('ended'); return; }
        } catch (thrown) {
            if (options.signal.aborted) return;
            problem = asApiError(thrown);
            if (problem.status === 401) tellLoggedOut(problem);
            // What will not get better by asking again: the page shows it.
            if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) { options.onState?.('ended', problem); return; }
        }
        if (tabAway.peek()) continue;
        if (performance.now() - began > steadyMs) backoff.succeeded();
        options.onState?.('waiting', problem);
        await pause(backoff.next(baseMs, problem?.retryAfter), options.signal);
    }
}

async function connect(options: StreamOptions, lastId: string, read: (id: string, retryMs?: number) => void): Promise<'last' | 'cut'> {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    options.signal.addEventListener('abort', stop);
    const unwatch = tabAway.subscribe(away => { if (away) stop(); });
    let watchdog = setTimeout(stop, silenceMs);
    try {
        const headers: Record<string, string> = {Accept: 'text/event-stream'};
        if (lastId !== '') headers['Last-Event-ID'] = lastId;
        const response = await fetch(options.url(lastId), {headers, credentials: 'same-origin', redirect: 'error', cache: 'no-store', signal: attempt.signal});
        if (!response.ok || response.body === null) throw await problemOf(response);
        options.onState?.('open');
        const parser = new SseParser(lastId);
        const decoder = new TextDecoder();
        const reader = response.body.getReader();
        for (;;) {
            const {done, value} = await reader.read();
            if (done) return 'cut';
            clearTimeout(watchdog);
            watchdog = setTimeout(stop, silenceMs);
            for (const event of parser.push(decoder.decode(value, {stream: true}))) {
                let data: unknown;
                try { data = JSON.parse(event.data); } catch { continue; }
                const retryMs = event.event === 'hello' ? (data as {retryMs?: number} | null)?.retryMs : undefined;
                if (options.signal.aborted) return 'cut';
                options.onEvent(event.event, data, parser.lastId);
                read(parser.lastId, retryMs);
                if (options.isLast?.(event.event, data)) { attempt.abort(); return 'last'; }
            }
        }
    } catch (thrown) {
        // Silence or a hidden tab, not the caller, ended it.
        if (attempt.signal.aborted && !options.signal.aborted) return 'cut';
        throw thrown;
    } finally {
        clearTimeout(watchdog);
        unwatch();
        options.signal.removeEventListener('abort', stop);
    }
}

function untilSeen(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
        const done = () => { signal.removeEventListener('abort', done); queueMicrotask(() => unwatch()); resolve(); };
        const unwatch = tabAway.subscribe(away => { if (!away) done(); });
        signal.addEventListener('abort', done);
    });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
        const done = () => { clearTimeout(timer); signal.removeEventListener('abort', done); resolve(); };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done);
    });
}
