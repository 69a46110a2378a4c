// SPDX-License-Identifier: Apache-2.0
// The lines of one job: pages from the archive and the pods, then the stream behind them.
import {signal} from '@preact/signals';
import {call, queryOf} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import {stayConnected, type StreamState} from '../api/stream';
import type {LogGap, LogLine, LogState, StreamEnd} from '../api/types';
import {cursorQuery, sourceQuery, type LogQuery} from './query';
import {CUT, GAP, LogRing, PROGRESS, type Entry} from './ring';
import {afterReturns, severityOf} from './text';

const pageLines = 5000;

export class LogSession {
    readonly ring = new LogRing();
    /** Changes, at most once a frame, when lines came or went. */
    readonly version = signal(0);
    readonly problem = signal<ApiError | undefined>(undefined);
    readonly state = signal<StreamState | 'loading'>('loading');
    readonly ended = signal<StreamEnd['reason'] | undefined>(undefined);
    /** By "rank.attempt". */
    readonly sources = signal<ReadonlyMap<string, LogState>>(new Map());
    private readonly abort = new AbortController();
    private frame = 0;

    constructor(private readonly namespace: string, private readonly job: string, private readonly query: LogQuery) { void this.run(); }

    close(): void {
        this.abort.abort();
        cancelAnimationFrame(this.frame);
    }

    private async run(): Promise<void> {
        const path = {namespace: this.namespace, job: this.job};
        const {signal} = this.abort;
        try {
            let page = await call('get', '/api/v1/namespaces/{namespace}/jobs/{job}/logs', {path, query: {...sourceQuery(this.query), limit: pageLines}, signal});
            for (;;) {
                this.accept(page.lines);
                for (const state of page.sources ?? []) this.setState(state);
                if (page.atEnd || page.nextCursor === undefined) break;
                page = await call('get', '/api/v1/namespaces/{namespace}/jobs/{job}/logs', {path, query: {...cursorQuery(this.query, page.nextCursor), limit: pageLines}, signal});
            }
            this.follow(page.nextCursor);
        } catch (thrown) {
            if (isAbort(thrown) || signal.aborted) return;
            this.problem.value = asApiError(thrown);
            this.state.value = 'ended';
        }
    }

    private follow(cursor: string | undefined): void {
        const base = `/api/v1/namespaces/${encodeURIComponent(this.namespace)}/jobs/${encodeURIComponent(this.job)}/logs/stream`;
        const first = cursor === undefined ? sourceQuery(this.query) : cursorQuery(this.query, cursor);
        void stayConnected({
            // Last-Event-ID says more than the cursor, and each of since and tail goes with none.
            url: lastId => base + queryOf(lastId === '' ? first : {rank: this.query.rank, attempt: this.query.attempt}),
            signal: this.abort.signal,
            onState: (state, problem) => {
                this.state.value = state;
                if (problem !== undefined && state === 'ended') this.problem.value = problem;
            },
            onEvent: (event, data) => {
                if (event === 'lines') this.accept((data as {lines: LogLine[]}).lines);
                else if (event === 'state') this.setState(data as LogState);
                else if (event === 'gap') this.acceptGap(data as LogGap);
                else if (event === 'end') this.ended.value = (data as StreamEnd).reason;
            },
            isLast: (event, data) => event === 'end' && !['Draining', 'Renew', 'Slow'].includes((data as StreamEnd).reason),
        });
    }

    private accept(lines: readonly LogLine[]): void {
        for (const line of lines) this.ring.push(entryOf(line));
        this.tell();
    }

    private acceptGap(gap: LogGap): void {
        const at = gap.to ?? gap.from;
        this.ring.push({text: `Lines are missing here: ${gap.why}`, at: at === undefined ? this.ring.at(this.ring.end - 1) : Date.parse(at), rank: gap.rank, attempt: gap.attempt, flags: GAP | 3});
        this.tell();
    }

    private setState(state: LogState): void {
        this.sources.value = new Map(this.sources.value).set(`${state.rank}.${state.attempt}`, state);
    }

    private tell(): void {
        if (this.frame !== 0) return;
        this.frame = requestAnimationFrame(() => { this.frame = 0; this.version.value += 1; });
    }
}

function entryOf(line: LogLine): Entry {
    const text = afterReturns(line.text);
    return {
        text, at: Date.parse(line.at), rank: line.rank, attempt: line.attempt,
        flags: severityOf(text) | (line.cut ? CUT : 0) | (line.text.includes('\r') ? PROGRESS : 0)};
}
