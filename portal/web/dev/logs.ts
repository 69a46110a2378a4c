// SPDX-License-Identifier: Apache-2.0
// FOR DEVELOPMENT ONLY: lines of made-up logs. Line i of a job is always the same, so a cursor is a number.
import type {ServerResponse} from 'node:http';
import type {JobRow, LogLine} from '../src/api/types.ts';
import {hostile, podsOf} from './data.ts';
import {event} from './streams.ts';
import type {Call} from './mock.ts';

const count = Number(process.env.MOCK_LINES ?? 3000);
const esc = '\x1b';

function line(row: JobRow, ranks: number, i: number): LogLine {
    const rank = i % ranks;
    const began = Date.parse(row.startedAt ?? row.createdAt);
    const at = `${new Date(began + i * 40).toISOString().slice(0, -1)}456Z`;
    const step = Math.floor(i / ranks);
    const text = i % 97 === 13 ? `WARNING: loss spike at step ${step}: ${(2.5 + Math.sin(i)).toFixed(4)}`
        : i % 331 === 7 ? `ERROR: NCCL watchdog: rank ${rank} did not answer for 30 s`
        : i % 53 === 5 ? ` 10%|#         | 10/100\r 45%|####      | 45/100\r100%|##########| 100/100 [00:03<00:00]`
        : i % 41 === 2 ? `${esc}[32mINFO${esc}[0m epoch ${Math.floor(step / 20)} ${esc}[1maccuracy=${(0.9 + (step % 100) / 1000).toFixed(4)}${esc}[0m`
        : i % 499 === 11 ? hostile
        : i % 211 === 3 ? `a long line: ${'lorem ipsum dolor sit amet '.repeat(20)}`
        : `step ${step} loss ${(2 / (1 + step / 200) + 0.05 * Math.sin(i)).toFixed(5)} lr 0.0003`;
    return {at, rank, attempt: row.attempt, text};
}

const sourceState = (row: JobRow) => row.phase === 'Running' ? 'Live' as const : 'Archive' as const;
const ranksOf = (row: JobRow) => Math.max(1, podsOf(row).length);

function chosen(row: JobRow, query: URLSearchParams): (i: number) => LogLine | undefined {
    const ranks = ranksOf(row);
    const only = query.getAll('rank').map(Number);
    return i => { const l = line(row, ranks, i); return only.length === 0 || only.includes(l.rank) ? l : undefined; };
}

export function logPage(row: JobRow, query: URLSearchParams): object {
    const limit = Number(query.get('limit') ?? 1000);
    const tail = query.has('tail') ? Number(query.get('tail')) * ranksOf(row) : undefined;
    const get = chosen(row, query);
    const cursor = query.get('cursor');
    const from = cursor !== null ? Number(cursor.slice(1)) : tail !== undefined ? Math.max(0, count - tail) : 0;
    const lines: LogLine[] = [];
    let i = from;
    for (; i < count && lines.length < limit; ++i) { const l = get(i); if (l !== undefined) lines.push(l); }
    return {lines, atEnd: i >= count, nextCursor: `f${i}`,
        sources: podsOf(row).slice(0, 64).map(p => ({rank: p.rank, attempt: p.attempt, state: sourceState(row)}))};
}

export function logSources(row: JobRow): object {
    const items = podsOf(row).flatMap(p => Array.from({length: row.attempt + 1}, (_, attempt) => ({rank: p.rank, role: p.role, index: p.index, attempt, live: row.phase === 'Running' && attempt === row.attempt, archived: true, archiveBytes: 52311})));
    return {items, total: items.length, archive: 'Available'};
}

export function streamLogs(row: JobRow, {query, request, response}: Call): void {
    response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
    const id = request.headers['last-event-id'] ?? query.get('cursor') ?? 'f0';
    let at = Number(String(id).slice(1));
    const get = chosen(row, query);
    for (const p of podsOf(row).slice(0, 64)) event(response, 'state', {rank: p.rank, attempt: p.attempt, state: sourceState(row)});
    if (row.phase !== 'Running') { event(response, 'end', {reason: 'JobFinished'}); response.end(); return; }
    const timer = setInterval(() => {
        const lines: LogLine[] = [];
        for (let n = 0; n < 6; ++n) { const l = get(at++); if (l !== undefined) lines.push(l); }
        if (lines.length > 0) event(response, 'lines', {lines}, `f${at}`);
        if (at % 600 < 6) event(response, 'gap', {rank: 0, attempt: row.attempt, why: 'the node rotated the file away'}, `f${at}`);
    }, 250);
    response.on('close', () => clearInterval(timer));
}

export function logText(row: JobRow, response: ServerResponse): void {
    response.writeHead(200, {'Content-Type': 'application/octet-stream', 'Content-Disposition': `attachment; filename="${row.name}.log"`});
    for (let i = 0; i < Math.min(count, 5000); ++i) response.write(`${line(row, ranksOf(row), i).text}\n`);
    response.end();
}
