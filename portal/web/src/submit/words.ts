// SPDX-License-Identifier: Apache-2.0
// A command as people type it, and as the list of words that a job has. No shell is involved: quotes group, nothing else is
// special. Pure.

/** Words of a line; quotes and a backslash as in a shell. Undefined: a quote has no end. */
export function splitWords(line: string): string[] | undefined {
    const words: string[] = [];
    let word = '';
    let began = false;
    let quote = '';
    for (let i = 0; i < line.length; ++i) {
        const c = line[i]!;
        if (quote === "'") {
            if (c === "'") quote = ''; else word += c;
        } else if (quote === '"') {
            if (c === '"') quote = '';
            else if (c === '\\' && (line[i + 1] === '"' || line[i + 1] === '\\')) word += line[++i];
            else word += c;
        } else if (c === "'" || c === '"') {
            quote = c;
            began = true;
        } else if (c === '\\' && i + 1 < line.length) {
            word += line[++i];
            began = true;
        } else if (/\s/.test(c)) {
            if (began || word !== '') words.push(word);
            word = '';
            began = false;
        } else {
            word += c;
            began = true;
        }
    }
    if (quote !== '') return undefined;
    if (began || word !== '') words.push(word);
    return words;
}

export function joinWords(words: readonly string[]): string {
    return words.map(w => /^[^\s'"\\]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`).join(' ');
}
