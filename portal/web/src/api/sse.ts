// SPDX-License-Identifier: Apache-2.0
// Server-sent events from pieces of text (WHATWG HTML, "Parsing an event stream"). Pure.

export interface SseEvent {
    /** `message` where the stream gives no name. */
    event: string;
    data: string;
}

/** The contract's events are at most 1 MiB; a line that goes on beyond is no stream of ours. */
const maxEventLength = 4 << 20;

export class SseParser {
    /** Id of the last event that was complete, for Last-Event-ID. */
    lastId = '';
    /** From `retry:`, in ms. */
    retryMs: number | undefined;
    private rest = '';
    private first = true;
    private name = '';
    private data: string[] = [];
    private length = 0;
    private id: string | undefined;

    constructor(lastId = '') { this.lastId = lastId; }

    /** Events that `piece` completes. A line may be cut anywhere, between CR and LF too. Throws RangeError where an event has no end. */
    push(piece: string): SseEvent[] {
        const events: SseEvent[] = [];
        let text = this.rest + piece;
        if (this.first && text !== '') {
            this.first = false;
            if (text.startsWith('\uFEFF')) text = text.slice(1);
        }
        let at = 0;
        for (;;) {
            const end = lineEnd(text, at);
            if (end === undefined) break;
            this.line(text.slice(at, end.end), events);
            at = end.next;
        }
        this.rest = text.slice(at);
        if (this.rest.length + this.length > maxEventLength) throw new RangeError('an event of the stream is too long');
        return events;
    }

    private line(line: string, events: SseEvent[]): void {
        if (line === '') {
            // An id counts only with its event complete: after a cut the event is sent again.
            if (this.id !== undefined) this.lastId = this.id;
            if (this.data.length > 0) events.push({event: this.name || 'message', data: this.data.join('\n')});
            this.name = '';
            this.data = [];
            this.length = 0;
            this.id = undefined;
            return;
        }
        const colon = line.indexOf(':');
        if (colon === 0) return;
        const field = colon < 0 ? line : line.slice(0, colon);
        let value = colon < 0 ? '' : line.slice(colon + 1);
        if (value.startsWith(' ')) value = value.slice(1);
        if (field === 'event') this.name = value;
        else if (field === 'data') { this.data.push(value); this.length += value.length; }
        else if (field === 'id' && !value.includes('\0')) this.id = value;
        else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
    }
}

/** A CR at the end of the text is no line's end yet: an LF may follow. */
function lineEnd(text: string, from: number): {end: number; next: number} | undefined {
    const lf = text.indexOf('\n', from);
    const cr = text.indexOf('\r', from);
    if (cr >= 0 && (lf < 0 || cr < lf)) {
        if (cr + 1 === text.length) return undefined;
        return {end: cr, next: text[cr + 1] === '\n' ? cr + 2 : cr + 1};
    }
    return lf < 0 ? undefined : {end: lf, next: lf + 1};
}
