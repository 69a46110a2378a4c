// SPDX-License-Identifier: Apache-2.0
// The form: the part of a DLJob that most people write. It is a view of the YAML: read from it, and written into it field
// by field, so that what the form does not know stays as it was. Pure.
import {Document, isCollection, isSeq} from 'yaml';
import type {Path} from './yaml_doc';

export const FRAMEWORKS = ['None', 'Torch', 'MPI', 'JAX', 'TensorFlow', 'DeepSpeed'] as const;

/** Texts are empty where the YAML has nothing. `id` is the place in the YAML's list, -1 of a new one; `extra` what the form does not show. */
interface Item { id: number; extra: Record<string, unknown> }
export interface Role extends Item { name: string; replicas: string; gpus: string; gpuType: string; cpu: string; memory: string; shm: string }
export interface Mount extends Item { name: string; path: string; mountPath: string; readOnly: boolean }
export interface Variable extends Item { name: string; value: string; secret: string; key: string }
export interface JobFile extends Item { name: string; content: string }

export interface Form {
    name: string;
    image: string;
    command: string[];
    args: string[];
    workingDir: string;
    framework: string;
    retryLimit: string;
    deadline: string;
    roles: Role[];
    storage: Mount[];
    env: Variable[];
    files: JobFile[];
}

export const emptyForm = (): Form => ({
    name: '', image: '', command: [], args: [], workingDir: '', framework: '', retryLimit: '', deadline: '', roles: [], storage: [], env: [], files: []});
export const newRole = (name: string): Role => ({id: -1, extra: {}, name, replicas: '', gpus: '1', gpuType: '', cpu: '', memory: '', shm: ''});
export const newMount = (name: string, mountPath: string): Mount => ({id: -1, extra: {}, name, path: '', mountPath, readOnly: false});
export const newVariable = (): Variable => ({id: -1, extra: {}, name: '', value: '', secret: '', key: ''});
export const newFile = (name: string, content: string): JobFile => ({id: -1, extra: {}, name, content});

type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields => value !== null && typeof value === 'object' && !Array.isArray(value) ? value as Fields : {};
const listOf = (value: unknown): Fields[] => Array.isArray(value) ? value.map(fieldsOf) : [];
const textOf = (value: unknown): string => typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
const wordsOf = (value: unknown): string[] => Array.isArray(value) ? value.map(textOf) : [];
const without = (fields: Fields, ...known: string[]): Fields => Object.fromEntries(Object.entries(fields).filter(([name]) => !known.includes(name)));

/** Of whatever the YAML holds; what has another type than it should is as not there. */
export function readForm(job: unknown): Form {
    const spec = fieldsOf(fieldsOf(job).spec);
    return {
        name: textOf(fieldsOf(fieldsOf(job).metadata).name),
        image: textOf(spec.image),
        command: wordsOf(spec.command),
        args: wordsOf(spec.args),
        workingDir: textOf(spec.workingDir),
        framework: textOf(spec.framework),
        retryLimit: textOf(fieldsOf(spec.retry).limit),
        deadline: textOf(spec.activeDeadlineSeconds),
        roles: listOf(spec.roles).map((r, id) => {
            const resources = fieldsOf(r.resources);
            return {id, extra: without(r, 'name', 'replicas', 'gpus', 'gpuType', 'resources'), name: textOf(r.name), replicas: textOf(r.replicas), gpus: textOf(r.gpus),
                gpuType: textOf(r.gpuType), cpu: textOf(resources.cpu), memory: textOf(resources.memory), shm: textOf(resources.shm)};
        }),
        storage: listOf(spec.storage).map((s, id) => ({id, extra: without(s, 'name', 'path', 'mountPath', 'readOnly'),
            name: textOf(s.name), path: textOf(s.path), mountPath: textOf(s.mountPath), readOnly: s.readOnly === true})),
        env: listOf(spec.env).map((e, id) => {
            const ref = fieldsOf(fieldsOf(e.valueFrom).secretKeyRef);
            return {id, extra: without(e, 'name', 'value', 'valueFrom'), name: textOf(e.name), value: textOf(e.value), secret: textOf(ref.name), key: textOf(ref.key)};
        }),
        files: listOf(spec.files).map((f, id) => ({id, extra: without(f, 'name', 'content'), name: textOf(f.name), content: textOf(f.content)})),
    };
}

const numberOf = (text: string): unknown => text === '' ? undefined : /^-?\d{1,15}$/.test(text) ? Number(text) : text;
const orNone = (text: string): unknown => text === '' ? undefined : text;

/** The YAML's fields of each item of a list, by their path within it. */
const roleFields = (r: Role): [Path, unknown][] => [
    [['name'], r.name], [['replicas'], numberOf(r.replicas)], [['gpus'], numberOf(r.gpus)], [['gpuType'], orNone(r.gpuType)],
    [['resources', 'cpu'], numberOf(r.cpu)], [['resources', 'memory'], orNone(r.memory)], [['resources', 'shm'], orNone(r.shm)]];
const mountFields = (m: Mount): [Path, unknown][] => [
    [['name'], m.name], [['path'], orNone(m.path)], [['mountPath'], m.mountPath], [['readOnly'], m.readOnly ? true : undefined]];
const variableFields = (v: Variable): [Path, unknown][] => {
    const secret = v.secret !== '' || v.key !== '';
    return [[['name'], v.name], [['value'], orNone(v.value)],
        [['valueFrom', 'secretKeyRef', 'name'], secret ? v.secret : undefined], [['valueFrom', 'secretKeyRef', 'key'], secret ? v.key : undefined]];
};
const fileFields = (f: JobFile): [Path, unknown][] => [[['name'], f.name], [['content'], f.content]];

/** Writes into `doc` what is another in `after` than in `before`, which was read from it. */
export function applyForm(doc: Document, before: Form, after: Form): void {
    const set = (path: Path, was: unknown, is: unknown) => { if (JSON.stringify(was) !== JSON.stringify(is)) put(doc, path, is); };
    const words = (list: string[]) => list.length === 0 ? undefined : list;
    set(['metadata', 'name'], orNone(before.name), orNone(after.name));
    set(['spec', 'image'], orNone(before.image), orNone(after.image));
    set(['spec', 'command'], words(before.command), words(after.command));
    set(['spec', 'args'], words(before.args), words(after.args));
    set(['spec', 'workingDir'], orNone(before.workingDir), orNone(after.workingDir));
    set(['spec', 'framework'], orNone(before.framework), orNone(after.framework));
    list(doc, ['spec', 'roles'], before.roles, after.roles, roleFields);
    list(doc, ['spec', 'storage'], before.storage, after.storage, mountFields);
    list(doc, ['spec', 'env'], before.env, after.env, variableFields);
    list(doc, ['spec', 'files'], before.files, after.files, fileFields);
    set(['spec', 'retry', 'limit'], numberOf(before.retryLimit), numberOf(after.retryLimit));
    set(['spec', 'activeDeadlineSeconds'], numberOf(before.deadline), numberOf(after.deadline));
}

function list<T extends Item>(doc: Document, path: Path, before: T[], after: T[], fields: (item: T) => [Path, unknown][]): void {
    const kept = new Set(after.map(item => item.id));
    for (const item of [...before].reverse()) if (!kept.has(item.id)) doc.deleteIn([...path, item.id]);
    if (after.length === 0 && before.length > 0) { prune(doc, path); return; }
    after.forEach((item, place) => {
        const old = before.find(b => b.id === item.id && item.id >= 0);
        if (old === undefined) {
            const made: Fields = {};
            for (const [at, value] of fields(item)) if (value !== undefined) assign(made, at, value);
            append(doc, path, {...made, ...item.extra});
            return;
        }
        const was = new Map(fields(old).map(([at, value]) => [at.join(), JSON.stringify(value)]));
        for (const [at, value] of fields(item)) if (was.get(at.join()) !== JSON.stringify(value)) put(doc, [...path, place, ...at], value);
    });
}

function assign(into: Fields, path: Path, value: unknown): void {
    let at = into;
    for (const key of path.slice(0, -1)) at = (at[key] ??= {}) as Fields;
    at[path.at(-1)!] = value;
}

function append(doc: Document, path: Path, item: Fields): void {
    const list: unknown = doc.getIn(path, true);
    if (isSeq(list)) list.add(doc.createNode(item));
    else put(doc, path, [item]);
}

/** Undefined removes the field, and parents of it that hold nothing then. */
function put(doc: Document, path: Path, value: unknown): void {
    if (value === undefined) { prune(doc, path); return; }
    // A parent that is there but empty (`spec:`) holds nothing to set into.
    for (let length = 1; length < path.length; ++length) {
        const parent: unknown = doc.getIn(path.slice(0, length), true);
        if (parent !== undefined && !isCollection(parent)) doc.setIn(path.slice(0, length), doc.createNode({}));
    }
    if (doc.contents === null || !isCollection(doc.contents)) doc.contents = doc.createNode({}) as unknown as typeof doc.contents;
    const isWords = Array.isArray(value) && value.every(v => typeof v === 'string');
    doc.setIn(path, doc.createNode(value, isWords ? {flow: true} : {}));
}

function prune(doc: Document, path: Path): void {
    if (doc.hasIn(path)) doc.deleteIn(path);
    for (let length = path.length - 1; length > 1; --length) {
        const parent: unknown = doc.getIn(path.slice(0, length), true);
        if (typeof path[length - 1] === 'number' || !isCollection(parent) || parent.items.length > 0) return;
        doc.deleteIn(path.slice(0, length));
    }
}

/** GPUs that the job asks for: in all, and of the pod that asks for most, by type ("" is any). */
export function gpusOf(form: Form): {total: number; byType: Map<string, {total: number; most: number}>} {
    const byType = new Map<string, {total: number; most: number}>();
    let total = 0;
    for (const role of form.roles) {
        const gpus = Number(role.gpus) || 0;
        const all = gpus * (role.replicas === '' ? 1 : Number(role.replicas) || 0);
        if (all === 0) continue;
        const sum = byType.get(role.gpuType) ?? {total: 0, most: 0};
        byType.set(role.gpuType, {total: sum.total + all, most: Math.max(sum.most, gpus)});
        total += all;
    }
    return {total, byType};
}

// As crds/dljobtemplate.yaml, which refuses them in templates.
const secretName = /passw|passphrase|secret|credential|(^|[-_.])pwd([-_.]|$)|(token|(^|[-_.]|api|access|auth|private)keys?)([-_.0-9]|$)/i;
const pathName = /[-_.](file|path|dir)$/i;
/** Variables whose value should be a Secret's: they are seen by everybody who may see the job. */
export const looksSecret = (v: Variable): boolean => v.value !== '' && v.secret === '' && secretName.test(v.name) && !pathName.test(v.name);
