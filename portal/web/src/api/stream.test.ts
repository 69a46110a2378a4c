// SPDX-License-Identifier: Apache-2.0
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {tabAway} from './away';
import {stayConnected} from './stream';

/** Answers each connection with the next of `scripts`; a function is a stream that the test ends itself. */
function serve(scripts: (string | number)[]): {lastId: string | null}[] {
    const asked: {lastId: string | null}[] = [];
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
        asked.push({lastId: new Headers(init.headers).get('Last-Event-ID')});
        const script = scripts[asked.length - 1];
        if (script === undefined) return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError'))));
        if (typeof script === 'number') return Promise.resolve(new Response('{"title":"no","reason":"Test"}', {status: script, headers: {'Retry-After': '7'}}));
        return Promise.resolve(new Response(new ReadableStream({start(c) {
            c.enqueue(new TextEncoder().encode(script));
            // `~` at the end: it stays open until the other side goes.
            if (script.endsWith('~')) init.signal?.addEventListener('abort', () => c.error(new DOMException('', 'AbortError')));
            else c.close();
        }})));
    });
    return asked;
}

const follow = (options: {lastId?: string} = {}) => {
    const abort = new AbortController();
    const events: string[] = [];
    const states: string[] = [];
    const done = stayConnected({url: () => '/x', signal: abort.signal, ...options,
        onEvent: (event, data) => events.push(`${event} ${JSON.stringify(data)}`), onState: s => states.push(s), isLast: event => event === 'end'});
    return {abort, events, states, done};
};

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); tabAway.value = false; });

test('after a cut it goes on behind the last whole event', async () => {
    const asked = serve(['id: a\ndata: 1\n\nid: b\ndata: 2\n', 'id: b\ndata: 2\n\nevent: end\ndata: {}\n\n']);
    const {events, states, done} = follow({lastId: 'start'});
    await vi.advanceTimersByTimeAsync(5000);
    await done;
    expect(asked.map(a => a.lastId)).toEqual(['start', 'a']);
    expect(events).toEqual(['message 1', 'message 2', 'end {}']);
    expect(states.at(-1)).toBe('ended');
});

test('a refusal that will stay ends it, one that will not waits as long as it says', async () => {
    const asked = serve([503, 403]);
    const {states, done} = follow();
    await vi.advanceTimersByTimeAsync(6900);
    expect(asked.length).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    await done;
    expect(asked.length).toBe(2);
    expect(states).toEqual(['connecting', 'waiting', 'connecting', 'ended']);
});

test('45 s of silence are a cut', async () => {
    const asked = serve(['id: a\ndata: 1\n\n~', 'event: end\ndata: {}\n\n']);
    const {done} = follow();
    await vi.advanceTimersByTimeAsync(44_000);
    expect(asked.length).toBe(1);
    await vi.advanceTimersByTimeAsync(4000);
    await done;
    expect(asked.map(a => a.lastId)).toEqual([null, 'a']);
});

test('a connection that is never answered is a cut', async () => {
    const asked = serve([]);
    const {abort, done} = follow();
    await vi.advanceTimersByTimeAsync(44_000);
    expect(asked.length).toBe(1);
    await vi.advanceTimersByTimeAsync(4000);
    expect(asked.length).toBe(2);
    abort.abort();
    await done;
});

test('a tab that nobody sees has no stream, and goes on when it is seen', async () => {
    const asked = serve(['id: a\ndata: 1\n\n~', 'event: end\ndata: {}\n\n']);
    const {states, done} = follow();
    await vi.advanceTimersByTimeAsync(1000);
    tabAway.value = true;
    await vi.advanceTimersByTimeAsync(100);
    expect(states.at(-1)).toBe('away');
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked.length).toBe(1);
    expect(states.at(-1)).toBe('away');
    tabAway.value = false;
    await vi.advanceTimersByTimeAsync(100);
    await done;
    expect(asked.map(a => a.lastId)).toEqual([null, 'a']);
});

test('an event that is no JSON is left out', async () => {
    serve(['data: {\n\ndata: 2\n\nevent: end\ndata: {}\n\n']);
    const {events, done} = follow();
    await vi.advanceTimersByTimeAsync(100);
    await done;
    expect(events).toEqual(['message 2', 'end {}']);
});
