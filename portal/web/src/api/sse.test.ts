// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {SseParser} from './sse';

const stream = '\uFEFF: comment\r\nevent: row\r\nid: r1\r\ndata: {"a":1}\r\n\r\ndata: one\ndata: two\n\nevent: gone\rid: r2\rdata:{}\r\rretry: 1500\n\nid: r3\n';

function read(pieces: string[]) {
    const parser = new SseParser('r0');
    const events = pieces.flatMap(p => parser.push(p));
    return {events, lastId: parser.lastId, retryMs: parser.retryMs};
}

test('events are the same wherever the stream is cut', () => {
    const whole = read([stream]);
    expect(whole).toEqual({
        events: [{event: 'row', data: '{"a":1}'}, {event: 'message', data: 'one\ntwo'}, {event: 'gone', data: '{}'}],
        lastId: 'r2', retryMs: 1500});
    for (let at = 0; at <= stream.length; ++at) expect(read([stream.slice(0, at), stream.slice(at)])).toEqual(whole);
    expect(read([...stream])).toEqual(whole);
});

test('an id counts with its event complete, so that a cut event comes again', () => {
    const parser = new SseParser('r0');
    parser.push('id: r1\ndata: x\n');
    expect(parser.lastId).toBe('r0');
    parser.push('\n');
    expect(parser.lastId).toBe('r1');
});

test('an id with NUL is none, a retry that is no number is none', () => {
    expect(read(['id: a\0b\nretry: soon\ndata: x\n\n'])).toEqual({events: [{event: 'message', data: 'x'}], lastId: 'r0', retryMs: undefined});
});

test('a comment alone is no event', () => {
    expect(read([':\n\n:\n\n']).events).toEqual([]);
});

test('a line without an end is refused', () => {
    const parser = new SseParser();
    expect(() => { for (let i = 0; i < 5; ++i) parser.push('x'.repeat(1 << 20)); }).toThrow(RangeError);
    const lines = new SseParser();
    expect(() => { for (let i = 0; i < 5; ++i) lines.push(`data: ${'x'.repeat(1 << 20)}\n`); }).toThrow(RangeError);
});
