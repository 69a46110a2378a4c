// SPDX-License-Identifier: Apache-2.0
// Finding text in lines. What the worker does, and who may run it: a regular expression of a person can take for ever, so
// it only ever runs in the worker, which is ended when it does not answer in time. Pure.
import {plain} from './text';

export interface Search { text: string; regex: boolean }

/** Of lines, which ones have it and where first: [line, begin, end, …]. Throws SyntaxError. */
export function find(lines: readonly string[], search: Search): number[] {
    const hits: number[] = [];
    if (search.regex) {
        const pattern = new RegExp(search.text, 'i');
        lines.forEach((line, i) => {
            const match = pattern.exec(plain(line));
            if (match !== null) hits.push(i, match.index, match.index + match[0].length);
        });
        return hits;
    }
    const wanted = search.text.toLowerCase();
    lines.forEach((line, i) => {
        const at = plain(line).toLowerCase().indexOf(wanted);
        if (at >= 0) hits.push(i, at, at + wanted.length);
    });
    return hits;
}

/** All places of plain text in one line; cheap, for the lines in view. */
export function allPlaces(line: string, text: string): [number, number][] {
    const places: [number, number][] = [];
    const [in_, wanted] = [line.toLowerCase(), text.toLowerCase()];
    // Where lower case is longer than the text itself (as of U+0130), places would not fit.
    if (wanted === '' || in_.length !== line.length) return places;
    for (let at = in_.indexOf(wanted); at >= 0 && places.length < 200; at = in_.indexOf(wanted, at + wanted.length)) places.push([at, at + wanted.length]);
    return places;
}

/** What is wrong with an expression; empty: nothing. Making one is quick whatever it is. */
export function mistakeIn(search: Search): string {
    if (!search.regex) return '';
    try {
        new RegExp(search.text, 'i');
        return '';
    } catch (thrown) {
        return thrown instanceof Error ? thrown.message.replace(/^Invalid regular expression: /, '') : String(thrown);
    }
}
