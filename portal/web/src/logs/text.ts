// SPDX-License-Identifier: Apache-2.0
// What a printed line looks like: carriage returns, colours, severity. Pure.

/**
 * A line as a terminal shows it in the end: what comes after a carriage return is written over what was there. A progress
 * bar that printed a hundred states on one line is its last one.
 */
export function afterReturns(line: string): string {
    if (!line.includes('\r')) return line;
    let shown = '';
    for (const part of line.split('\r')) {
        if (part === '') continue;
        // A longer state before leaves its end, as on a terminal; where colours are in it, columns are not characters, and the newest state stands alone.
        shown = shown.length > part.length && !shown.includes('\x1b') && !part.includes('\x1b') ? part + shown.slice(part.length) : part;
    }
    return shown;
}

// Colours and the like (ECMA-48 SGR) are shown; every other escape sequence, and OSC (titles, links), is left out.
const escapes = /\x1b(?:\[([0-9;:]*)([@-~])|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;

/** Without escape sequences: what is searched and copied. */
export function plain(line: string): string {
    return line.includes('\x1b') ? line.replace(escapes, '') : line;
}

export interface Segment {
    text: string;
    /** Classes of style/log.css, from a fixed list. */
    style: string;
}

const colours = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

/** The line in pieces of one look each. Together their texts are plain(line). */
export function segments(line: string): Segment[] {
    if (!line.includes('\x1b')) return [{text: line, style: ''}];
    const out: Segment[] = [];
    let at = 0;
    let colour = '';
    let bold = false;
    let dim = false;
    const add = (text: string) => {
        if (text === '') return;
        const style = [colour === '' ? '' : `c-${colour}`, bold ? 'c-bold' : '', dim ? 'c-dim' : ''].filter(Boolean).join(' ');
        const last = out.at(-1);
        if (last?.style === style) last.text += text;
        else out.push({text, style});
    };
    for (const match of line.matchAll(escapes)) {
        add(line.slice(at, match.index));
        at = match.index + match[0].length;
        if (match[2] !== 'm') continue;
        const codes = (match[1] ?? '').split(/[;:]/).map(Number);
        for (let i = 0; i < codes.length; ++i) {
            const code = codes[i]!;
            if (code === 0) { colour = ''; bold = false; dim = false; }
            else if (code === 1) bold = true;
            else if (code === 2) dim = true;
            else if (code === 22) { bold = false; dim = false; }
            else if (code === 39) colour = '';
            else if (code >= 30 && code <= 37) colour = colours[code - 30]!;
            else if (code >= 90 && code <= 97) colour = colours[code - 90]!;
            else if (code === 38 || code === 48) {
                // Of 256 colours the first 16 have names; the others, and 24 bit ones, are as no colour.
                const index = codes[i + 1] === 5 ? codes[i + 2] ?? 16 : 16;
                if (code === 38) colour = index < 16 ? colours[index % 8]! : '';
                i += codes[i + 1] === 5 ? 2 : codes[i + 1] === 2 ? 4 : 0;
            }
        }
    }
    add(line.slice(at));
    return out;
}

/** Cuts segments at `ranges` (of plain text, in order, apart from each other) and marks what is in them. */
export function withMarks(list: readonly Segment[], ranges: readonly (readonly [number, number])[]): (Segment & {mark: boolean})[] {
    const out: (Segment & {mark: boolean})[] = [];
    let from = 0;
    let r = 0;
    for (const {text, style} of list) {
        let at = 0;
        while (at < text.length) {
            while (r < ranges.length && ranges[r]![1] <= from + at) r += 1;
            const range = ranges[r];
            const mark = range !== undefined && range[0] <= from + at;
            const until = range === undefined ? text.length : Math.min(text.length, (mark ? range[1] : range[0]) - from);
            out.push({text: text.slice(at, until), style, mark});
            at = until;
        }
        from += text.length;
    }
    return out;
}

/** Characters that would not be seen, or would change how others are read (bidirectional overrides), as signs that are seen. One for one. */
export function visible(text: string): string {
    return text.replace(/[\0-\x08\x0a-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
        c => c < '\x20' ? String.fromCharCode(0x2400 + c.charCodeAt(0)) : c === '\x7f' ? '\u2421' : '\u25af');
}

export const SEVERITIES = ['none', 'debug', 'info', 'warning', 'error'] as const;

const errors = /\b(?:ERROR|FATAL|CRITICAL|PANIC|SEVERE|Traceback \(most recent|[A-Z]\w*(?:Error|Exception)(?=:|$))|^E\d{4} |\blevel=(?:error|fatal)|"level":"(?:error|fatal)"|\b(?:error|fatal):|Segmentation fault|\bCUDA error\b|\bOOM\b/;
const warnings = /\bWARN(?:ING)?\b|\w+Warning(?=:)|^W\d{4} |\blevel=warn|"level":"warn|\bwarning:/;
const infos = /\bINFO\b|^I\d{4} |\blevel=info|"level":"info"/;
const debugs = /\b(?:DEBUG|TRACE)\b|\blevel=debug|"level":"debug"/;

/** An index of SEVERITIES, guessed from the beginning of the line: programs print no severity. */
export function severityOf(line: string): number {
    const head = plain(line.slice(0, 240));
    if (errors.test(head)) return 4;
    if (warnings.test(head)) return 3;
    if (infos.test(head)) return 2;
    return debugs.test(head) ? 1 : 0;
}
