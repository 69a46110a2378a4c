// SPDX-License-Identifier: Apache-2.0
// The YAML editor: CodeMirror, in a shadow root, because there its styles are adopted style sheets, which the policy
// allows; in the document they would be a <style> element, which it does not.
import {autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext, type CompletionResult} from '@codemirror/autocomplete';
import {defaultKeymap, history, historyKeymap} from '@codemirror/commands';
import {yaml} from '@codemirror/lang-yaml';
import {bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting} from '@codemirror/language';
import {lintGutter, lintKeymap, setDiagnostics, type Diagnostic} from '@codemirror/lint';
import {Annotation, EditorState} from '@codemirror/state';
import {drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers} from '@codemirror/view';
import {tags} from '@lezer/highlight';
import {useEffect, useRef} from 'preact/hooks';
import {placeAt, schemaAt, type Schema} from './schema';

/** On changes that come from outside: they are not told again. */
const fromOutside = Annotation.define<boolean>();

export interface Mark { line: number; column?: number; message: string; severity: 'error' | 'warning' }

interface Props {
    text: string;
    onText: (text: string) => void;
    schema: Schema | undefined;
    marks: readonly Mark[];
    /** A line to go to; another `nonce` goes there again. */
    goTo: {line: number; nonce: number} | undefined;
    onSubmit: () => void;
}

const theme = EditorView.theme({
    '&': {height: '100%', fontSize: '13px', backgroundColor: 'var(--panel)', color: 'var(--text)'},
    '&.cm-focused': {outline: '2px solid var(--focus)', outlineOffset: '-2px'},
    '.cm-scroller': {fontFamily: 'var(--mono)', lineHeight: '1.55'},
    '.cm-content': {caretColor: 'var(--text)'},
    '.cm-cursor': {borderLeftColor: 'var(--text)'},
    '.cm-gutters': {backgroundColor: 'var(--bg)', color: 'var(--muted)', borderRight: '1px solid var(--line)'},
    '.cm-activeLine': {backgroundColor: 'color-mix(in srgb, var(--hover) 60%, transparent)'},
    '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {backgroundColor: 'var(--accent-soft)'},
    '.cm-tooltip': {backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--border)', borderRadius: '6px', boxShadow: 'var(--shadow)', maxWidth: '480px'},
    '.cm-tooltip-autocomplete > ul > li[aria-selected]': {backgroundColor: 'var(--accent)', color: 'var(--on-accent)'},
    '.cm-completionInfo': {padding: '8px 10px', maxWidth: '360px', whiteSpace: 'normal'},
    '.cm-doc': {padding: '6px 10px', whiteSpace: 'normal', fontFamily: 'var(--sans)'},
    '.cm-diagnostic': {fontFamily: 'var(--sans)', padding: '4px 8px'},
});

const colours = HighlightStyle.define([
    {tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--run)'},
    {tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic'},
    {tag: [tags.string, tags.special(tags.string)], color: 'var(--good)'},
    {tag: [tags.number, tags.bool, tags.null], color: 'var(--ask)'},
    {tag: [tags.punctuation, tags.separator], color: 'var(--muted)'},
]);

export function Editor({text, onText, schema, marks, goTo, onSubmit}: Props) {
    const host = useRef<HTMLDivElement>(null);
    const view = useRef<EditorView>(undefined);
    // What the extensions, made once, call.
    const now = useRef({onText, schema, onSubmit});
    now.current = {onText, schema, onSubmit};
    // Texts that were told and have not come back as `text` yet. Without them a text that comes back while one types on would be taken for a change from outside.
    const told = useRef<string[]>([]);

    useEffect(() => {
        if (host.current === null) return;
        const shadow = host.current.shadowRoot ?? host.current.attachShadow({mode: 'open'});
        const editor = new EditorView({
            parent: shadow,
            root: shadow,
            state: EditorState.create({doc: text, extensions: [
                lineNumbers(), lintGutter(), history(), drawSelection(), highlightActiveLine(), bracketMatching(), closeBrackets(), indentUnit.of('  '),
                yaml(), syntaxHighlighting(colours), theme,
                autocompletion({override: [context => complete(context, now.current.schema)], icons: false}),
                hoverTooltip((v, pos) => documentation(v, pos, now.current.schema)),
                keymap.of([{key: 'Mod-Enter', run: () => { now.current.onSubmit(); return true; }}, ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
                EditorView.contentAttributes.of({'aria-label': 'YAML of the job', spellcheck: 'false', tabindex: '0'}),
                EditorView.updateListener.of(update => {
                    if (!update.docChanged || update.transactions.some(t => t.annotation(fromOutside) === true)) return;
                    const next = update.state.doc.toString();
                    told.current.push(next);
                    now.current.onText(next);
                }),
            ]}),
        });
        view.current = editor;
        return () => { editor.destroy(); view.current = undefined; };
    }, []);

    useEffect(() => {
        const editor = view.current;
        if (editor === undefined) return;
        const own = told.current.lastIndexOf(text);
        if (own >= 0) { told.current.splice(0, own + 1); return; }
        told.current = [];
        const shown = editor.state.doc.toString();
        if (shown !== text) editor.dispatch({changes: difference(shown, text), annotations: fromOutside.of(true)});
    }, [text]);

    useEffect(() => {
        const editor = view.current;
        if (editor === undefined) return;
        const {doc} = editor.state;
        const diagnostics: Diagnostic[] = marks.map(m => {
            const line = doc.line(Math.min(Math.max(1, m.line), doc.lines));
            const first = line.from + line.text.search(/\S|$/);
            const from = m.column !== undefined && line.from + m.column - 1 < line.to ? line.from + m.column - 1 : first;
            return {from, to: Math.max(from, line.to), severity: m.severity, message: m.message};
        });
        editor.dispatch(setDiagnostics(editor.state, diagnostics));
    }, [marks]);

    useEffect(() => {
        const editor = view.current;
        if (editor === undefined || goTo === undefined) return;
        const line = editor.state.doc.line(Math.min(Math.max(1, goTo.line), editor.state.doc.lines));
        editor.dispatch({selection: {anchor: line.from + line.text.search(/\S|$/)}, effects: EditorView.scrollIntoView(line.from, {y: 'center'})});
        editor.focus();
    }, [goTo?.nonce]);

    return <div class="editor" ref={host} />;
}

/** The one piece that is another, so that the cursor and the history stay where they can. */
function difference(from: string, to: string): {from: number; to: number; insert: string} {
    let start = 0;
    while (start < from.length && start < to.length && from[start] === to[start]) start += 1;
    let end = 0;
    while (end < from.length - start && end < to.length - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end += 1;
    return {from: start, to: from.length - end, insert: to.slice(start, to.length - end)};
}

function complete(context: CompletionContext, schema: Schema | undefined): CompletionResult | null {
    if (schema === undefined) return null;
    const text = context.state.doc.toString();
    const {path, key, inValue} = placeAt(text, context.pos);
    const word = context.matchBefore(/[\w.-]*/);
    if (word === null || (word.from === word.to && !context.explicit)) return null;
    if (inValue) {
        const of = schemaAt(schema, [...path, key]);
        const words = of?.enum ?? (of?.type === 'boolean' ? ['true', 'false'] : []);
        return words.length === 0 ? null : {from: word.from, options: words.map(w => ({label: String(w)}))};
    }
    let of = schemaAt(schema, path);
    if (of?.items !== undefined) of = of.items;
    const fields = Object.entries(of?.properties ?? {});
    if (fields.length === 0) return null;
    return {from: word.from, options: fields.map(([name, child]) => ({
        label: name, detail: child.type ?? '', info: child.description,
        apply: `${name}:${child.type === 'object' || child.type === 'array' ? '' : ' '}`,
        boost: of?.required?.includes(name) ? 1 : 0}))};
}

function documentation(view: EditorView, pos: number, schema: Schema | undefined) {
    const line = view.state.doc.lineAt(pos);
    const key = /^[\s-]*([\w.-]+)\s*:/.exec(line.text);
    if (schema === undefined || key === null || pos > line.from + key[0].length) return null;
    const place = placeAt(view.state.doc.toString(), line.from + key[0].length);
    const about = schemaAt(schema, [...place.path, key[1]!])?.description;
    if (about === undefined) return null;
    return {pos: line.from + key[0].indexOf(key[1]!), end: line.from + key[0].length, above: true, create: () => {
        const dom = document.createElement('div');
        dom.className = 'cm-doc';
        dom.textContent = about;
        return {dom};
    }};
}
