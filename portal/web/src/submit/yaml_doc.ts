// SPDX-License-Identifier: Apache-2.0
// A job's YAML as a document that keeps its comments and its order while the form changes values in it. Pure.
import {Document, LineCounter, isCollection, isNode, parseDocument, type ScalarTag} from 'yaml';

/** `mode: 0444` is octal, as kubectl reads it; YAML 1.2 alone would say 444. */
const octal: ScalarTag = {
    identify: value => Number.isInteger(value) && Number(value) >= 0, default: true, tag: 'tag:yaml.org,2002:int', test: /^0[0-7]+$/, format: 'OCT',
    resolve: text => parseInt(text, 8),
    stringify: node => `0${Number(node.value).toString(8)}`,
};

export interface YamlError { line: number; column: number; message: string }
export interface Parsed { doc: Document; errors: YamlError[]; value: unknown }

/** What is read, and what is wrong with it. One document, no aliases, as the server has it. */
export function readYaml(text: string): Parsed {
    const lines = new LineCounter();
    // compat: a text like `on` is written with quotes, since readers of YAML 1.1 take it for a boolean.
    const doc = parseDocument(text, {lineCounter: lines, customTags: tags => [octal, ...tags], compat: 'yaml-1.1', prettyErrors: false, uniqueKeys: true}) as Document;
    const errors = [...doc.errors, ...doc.warnings].map(e => {
        const at = lines.linePos(e.pos[0]);
        return {line: Math.max(1, at.line), column: Math.max(1, at.col), message: e.message};
    });
    let value: unknown;
    if (errors.length === 0) {
        try {
            value = doc.toJS({maxAliasCount: 0});
        } catch {
            errors.push({line: 1, column: 1, message: 'aliases (* and &) are not taken; write the value where it is used'});
        }
    }
    return {doc, errors, value};
}

export const writeYaml = (doc: Document): string => doc.toString({indentSeq: false, lineWidth: 0, flowCollectionPadding: false});

export type Path = (string | number)[];

/** `spec.roles[0].gpus` and `spec.env[name=A]` or `metadata.labels["a.b"]`, as the API server writes fields. */
export function pathOfField(field: string): Path {
    const path: Path = [];
    for (const m of field.matchAll(/\["?([^\]"]*)"?\]|([^.[\]]+)/g)) {
        const word = m[1] ?? m[2] ?? '';
        path.push(m[1] !== undefined && /^\d+$/.test(word) ? Number(word) : word);
    }
    return path;
}

/** The line of a path, or of the nearest of its parents that is there; from 1. */
export function lineOfPath(text: string, path: Path): number {
    const lines = new LineCounter();
    const doc = parseDocument(text, {lineCounter: lines, customTags: tags => [octal, ...tags], prettyErrors: false});
    for (let length = path.length; length > 0; --length) {
        const parent: unknown = length === 1 ? doc.contents : doc.getIn(path.slice(0, length - 1), true);
        const last = path[length - 1]!;
        if (!isCollection(parent)) continue;
        for (const item of parent.items) {
            // Of a map the key's place, so that a block below a key is found at the key.
            const key = (item as {key?: unknown}).key;
            const at = isNode(key) && String((key as {value?: unknown}).value) === String(last) ? key.range?.[0] : undefined;
            if (at !== undefined) return lines.linePos(at).line;
        }
        const node: unknown = doc.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
}
