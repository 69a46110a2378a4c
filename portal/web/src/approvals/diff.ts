// SPDX-License-Identifier: Apache-2.0
// The difference of a job's pods to plain ones, line by line. Pure.
import {visible} from '../logs/text';

export interface DiffLine { kind: 'added' | 'removed' | 'same'; sign: '+' | '−' | ' '; text: string }

/** Signs are kept as signs, so that nothing is told by colour alone. What would not be seen, or would turn the text around, is shown. */
export function diffLines(diff: string): DiffLine[] {
    const lines = diff.split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines.map(line => {
        const text = visible(line.slice(1));
        if (line.startsWith('+')) return {kind: 'added', sign: '+', text};
        if (line.startsWith('-')) return {kind: 'removed', sign: '−', text};
        return {kind: 'same', sign: ' ', text: line.startsWith(' ') ? text : visible(line)};
    });
}

/** "registry.example/bench@sha256:9f86…" in its name and its digest; without a digest the name alone. */
export function imageParts(image: string): {name: string; digest: string} {
    const at = image.lastIndexOf('@');
    return at < 0 ? {name: visible(image), digest: ''} : {name: visible(image.slice(0, at)), digest: visible(image.slice(at + 1))};
}
