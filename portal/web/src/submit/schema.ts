// SPDX-License-Identifier: Apache-2.0
// What the schema of a DLJob says about a place in its YAML: which fields, which words, and what is wrong. Pure. The API
// server has the last word; this is only to help while one types.
import type {Path} from './yaml_doc';

/** The parts of an OpenAPI v3 schema that the CustomResourceDefinition uses. */
export interface Schema {
    type?: string;
    description?: string;
    properties?: Record<string, Schema>;
    additionalProperties?: Schema | boolean;
    items?: Schema;
    required?: string[];
    enum?: unknown[];
    default?: unknown;
    minimum?: number;
    maximum?: number;
    minLength?: number;
    maxLength?: number;
    minItems?: number;
    maxItems?: number;
    pattern?: string;
    'x-kubernetes-int-or-string'?: boolean;
    'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** The schema of a place; of an item of a list whatever its number is. */
export function schemaAt(root: Schema, path: Path): Schema | undefined {
    let at: Schema | undefined = root;
    for (const key of path) {
        if (at === undefined) return undefined;
        if (at.items !== undefined) { at = at.items; if (typeof key === 'number') continue; }
        const next: Schema | undefined = Object.hasOwn(at.properties ?? {}, key) ? at.properties?.[key] : undefined;
        at = next ?? (typeof at.additionalProperties === 'object' ? at.additionalProperties : undefined);
    }
    return at;
}

/** Where one types, by indentation, so that it works in a text that cannot be read yet: the parents of the line, and its key. */
export function placeAt(text: string, offset: number): {path: Path; key: string; inValue: boolean} {
    const before = text.slice(0, offset).split('\n');
    const line = before.at(-1) ?? '';
    const path: Path = [];
    let indent = contentIndent(line);
    const own = /^[\s-]*([\w.-]*)(:?)/.exec(line);
    // A dash before the key: the key is of an item, and the list's own key has the dash's indent or less.
    let limit = indent;
    if (/^\s*-/.test(line)) { path.unshift(0); limit = line.search(/\S/) + 1; }
    for (let i = before.length - 2; i >= 0; --i) {
        const above = before[i]!;
        if (above.trim() === '' || above.trimStart().startsWith('#')) continue;
        const dash = above.search(/\S/);
        const content = contentIndent(above);
        const isItem = /^\s*-(\s|$)/.test(above);
        if (isItem && content === indent && path[0] !== 0 && limit > dash) { path.unshift(0); limit = dash + 1; indent = dash; continue; }
        if (content < limit) {
            const key = /^[\s-]*([\w.-]+)\s*:/.exec(above)?.[1];
            if (key === undefined) continue;
            path.unshift(key);
            limit = content;
            indent = content;
            if (isItem) { path.unshift(0); limit = dash + 1; indent = dash; }
        }
        if (limit === 0) break;
    }
    return {path, key: own?.[1] ?? '', inValue: own?.[2] === ':'};
}

/** Columns before the content of a line, dashes of lists among them. */
function contentIndent(line: string): number {
    const match = /^(\s*(?:-\s+|-$)*)/.exec(line);
    return match?.[1]?.length ?? 0;
}

export interface Finding { path: Path; message: string }
const maxFindings = 50;

/** What is plainly wrong: unknown fields, types, words that are not in the list. Rules in CEL are the server's. */
export function check(schema: Schema, value: unknown, path: Path = [], findings: Finding[] = []): Finding[] {
    if (findings.length >= maxFindings) return findings;
    const say = (message: string) => { findings.push({path, message}); };
    if (value === undefined || value === null) return findings;
    if (schema['x-kubernetes-int-or-string']) {
        if (typeof value !== 'string' && !Number.isInteger(value)) say('must be a whole number or a text');
        return findings;
    }
    if (schema.type === 'object') {
        if (typeof value !== 'object' || Array.isArray(value)) { say('must have fields (name: value)'); return findings; }
        for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) say(`${name} is missing`);
        for (const [name, child] of Object.entries(value)) {
            const known: Schema | undefined = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
            const of = known ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
            if (of !== undefined) check(of, child, [...path, name], findings);
            else if (schema.properties !== undefined && schema['x-kubernetes-preserve-unknown-fields'] !== true) {
                const near = nearest(name, Object.keys(schema.properties));
                findings.push({path: [...path, name], message: `unknown field ${name}${near === undefined ? '' : `; is it ${near}?`}`});
            }
        }
    } else if (schema.type === 'array') {
        if (!Array.isArray(value)) { say('must be a list'); return findings; }
        if (schema.maxItems !== undefined && value.length > schema.maxItems) say(`must have at most ${schema.maxItems} items`);
        if (schema.minItems !== undefined && value.length < schema.minItems) say(`must have at least ${schema.minItems} items`);
        if (schema.items !== undefined) value.forEach((item, i) => check(schema.items!, item, [...path, i], findings));
    } else if (schema.type === 'string') {
        if (typeof value !== 'string') { say(typeof value === 'object' ? 'must be a text' : `must be a text; write "${String(value)}" with quotes`); return findings; }
        if (schema.enum !== undefined && !schema.enum.includes(value)) say(`must be one of ${schema.enum.join(', ')}`);
        if (schema.minLength !== undefined && value.length < schema.minLength) say('must not be empty');
        if (schema.maxLength !== undefined && value.length > schema.maxLength) say(`must have at most ${schema.maxLength} characters`);
        if (schema.pattern !== undefined && value.length < 1024 && !matches(schema.pattern, value)) say(`must match ${schema.pattern}`);
    } else if (schema.type === 'integer' || schema.type === 'number') {
        if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value))) { say('must be a whole number'); return findings; }
        if (schema.minimum !== undefined && value < schema.minimum) say(`must be at least ${schema.minimum}`);
        if (schema.maximum !== undefined && value > schema.maximum) say(`must be at most ${schema.maximum}`);
    } else if (schema.type === 'boolean' && typeof value !== 'boolean') {
        say('must be true or false');
    }
    return findings;
}

function matches(pattern: string, value: string): boolean {
    try { return new RegExp(pattern).test(value); } catch { return true; }
}

/** The word that was meant, at a distance of two changes at most. */
export function nearest(word: string, words: readonly string[]): string | undefined {
    let best: string | undefined;
    let least = 3;
    for (const w of words) {
        const d = distance(word.toLowerCase(), w.toLowerCase(), least);
        if (d < least) { least = d; best = w; }
    }
    return best;
}

function distance(a: string, b: string, most: number): number {
    if (Math.abs(a.length - b.length) >= most || a.length > 64) return most;
    let row = Array.from({length: b.length + 1}, (_, i) => i);
    for (let i = 1; i <= a.length; ++i) {
        const next = [i];
        for (let j = 1; j <= b.length; ++j) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
        row = next;
    }
    return row[b.length]!;
}
