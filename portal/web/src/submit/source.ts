// SPDX-License-Identifier: Apache-2.0
// What a form begins with: a starter, a saved template, another job, or what was being written.
import {stringify} from 'yaml';
import {call, manifestYaml} from '../api/client';
import type {Begun} from './draft';
import {readForm, applyForm} from './form';
import {STARTERS} from './starters';
import {readYaml, writeYaml} from './yaml_doc';

export interface Source { starter: string; template: string; clone: string }

/** `a/b` to its parts. */
function parts(pair: string): [string, string] {
    const slash = pair.indexOf('/');
    return [pair.slice(0, slash), pair.slice(slash + 1)];
}

/** Throws ApiError. */
export async function begin(source: Source, signal: AbortSignal): Promise<Begun> {
    if (source.clone !== '') {
        const [namespace, job] = parts(source.clone);
        return {namespace, yaml: renamed(await manifestYaml(namespace, job, 'clone', signal), nextName(job))};
    }
    if (source.template !== '') {
        const [namespace, template] = parts(source.template);
        const {job, name} = await call('get', '/api/v1/namespaces/{namespace}/templates/{template}', {path: {namespace, template}, signal});
        const called = job.metadata?.name !== undefined || job.metadata?.generateName !== undefined ? {} : {name: name.replaceAll('.', '-').slice(0, 40)};
        const head = {apiVersion: 'dlworkspace.io/v1', kind: 'DLJob', metadata: {...called, ...job.metadata}, spec: job.spec};
        return {namespace, yaml: stringify(head, {indentSeq: false, lineWidth: 0, compat: 'yaml-1.1'})};
    }
    return {namespace: '', yaml: (STARTERS.find(s => s.id === source.starter) ?? STARTERS.at(-1)!).yaml};
}

/** `digits` to `digits-2`, `digits-2` to `digits-3`; at most 40 characters. */
export function nextName(name: string): string {
    const match = /^(.*?)-(\d{1,6})$/.exec(name);
    const [base, number] = match ? [match[1]!, Number(match[2]) + 1] : [name, 2];
    const end = `-${number}`;
    return base.slice(0, 40 - end.length).replace(/-+$/, '') + end;
}

export function renamed(yaml: string, name: string): string {
    const {doc, errors, value} = readYaml(yaml);
    if (errors.length > 0) return yaml;
    const form = readForm(value);
    applyForm(doc, form, {...form, name});
    return writeYaml(doc);
}
