// SPDX-License-Identifier: Apache-2.0
import {readdirSync, readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {parse} from 'yaml';
import {applyForm, emptyForm, gpusOf, looksSecret, newFile, newRole, newVariable, readForm} from './form';
import {check, nearest, placeAt, schemaAt, type Schema} from './schema';
import {STARTERS} from './starters';
import {joinWords, splitWords} from './words';
import {lineOfPath, pathOfField, readYaml, writeYaml} from './yaml_doc';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const isJob = (text: string) => /^kind: DLJob$/m.test(text);
const jobs = [
    ...readdirSync(`${root}crds/examples`).filter(n => n.endsWith('.yaml')).map(n => `crds/examples/${n}`),
    ...readdirSync(`${root}crds/examples/refused`).map(n => `crds/examples/refused/${n}`),
    'examples/digits/dljob.yaml', 'examples/digits/data.yaml', 'examples/mpi/dljob.yaml',
].map(name => ({name, text: readFileSync(root + name, 'utf8')})).filter(j => isJob(j.text));
const schema = (parse(readFileSync(`${root}crds/dljob.yaml`, 'utf8'), {maxAliasCount: -1}) as {spec: {versions: {schema: {openAPIV3Schema: Schema}}[]}}).spec.versions[0]!.schema.openAPIV3Schema;
const valid = jobs.filter(j => !j.name.includes('refused'));

test('there are examples', () => { expect(valid.length).toBeGreaterThan(10); });

// Those whose fields have another type than they should are no form's; everything else comes back as it was.
const odd = new Set(['crds/examples/refused/wrong-field.yaml']);
test.each(jobs.filter(j => !odd.has(j.name)).map(j => [j.name, j.text]))('%s: form to YAML to form is the same', (_, text) => {
    const {doc, errors, value} = readYaml(text);
    expect(errors).toEqual([]);
    const form = readForm(value);
    applyForm(doc, form, structuredClone(form));
    expect(readYaml(writeYaml(doc)).value).toEqual(value);
    // Everything that the form shows is taken out of the YAML, and put in again.
    const without = structuredClone(form);
    applyForm(doc, form, emptyForm());
    expect(readForm(readYaml(writeYaml(doc)).value)).toEqual(emptyForm());
    const all = {...without, roles: fresh(without.roles), storage: fresh(without.storage), env: fresh(without.env), files: fresh(without.files)};
    const again = readYaml(writeYaml(doc));
    applyForm(again.doc, readForm(again.value), all);
    const written = readYaml(writeYaml(again.doc));
    expect(written.errors).toEqual([]);
    expect(written.value).toEqual(value);
    expect(readForm(written.value)).toEqual(form);
});
const fresh = <T extends {id: number}>(items: T[]): T[] => items.map(item => ({...item, id: -1}));

test('what is not touched keeps its comments, and the rest of an item stays with it', () => {
    const text = '# mine\nmetadata: {name: a}\nspec:\n  image: x # fixed\n  roles:\n  - name: a\n  # the second\n  - name: b\n    gpus: 2\n    exitCodes: [{codes: "3", action: Retry}]\n  env:\n  - {name: A, value: "1"}\n';
    const {doc, value} = readYaml(text);
    const form = readForm(value);
    const after = structuredClone(form);
    after.roles.splice(0, 1);
    after.roles[0]!.gpus = '4';
    after.roles.push({...newRole('c'), gpuType: 'A100'});
    after.env.push({...newVariable(), name: 'B', value: 'on'});
    applyForm(doc, form, after);
    expect(writeYaml(doc)).toBe('# mine\nmetadata: {name: a}\nspec:\n  image: x # fixed\n  roles:\n  # the second\n  - name: b\n    gpus: 4\n    exitCodes: [{codes: "3", action: Retry}]\n  - name: c\n    gpus: 1\n    gpuType: A100\n  env:\n  - {name: A, value: "1"}\n  - name: B\n    value: "on"\n');
});

test('several items of a list go at one time', () => {
    const {doc, value} = readYaml('spec:\n  env:\n  - {name: A}\n  - {name: B}\n  - {name: C}\n  - {name: D}\n');
    const form = readForm(value);
    applyForm(doc, form, {...form, env: [form.env[1]!, form.env[3]!]});
    expect(writeYaml(doc)).toBe('spec:\n  env:\n  - {name: B}\n  - {name: D}\n');
});

test('a form makes YAML of nothing, and of almost nothing', () => {
    for (const text of ['', '# c\n', 'spec:\n', 'spec: {}\n', 'just a text\n']) {
        const {doc, value} = readYaml(text);
        applyForm(doc, readForm(value), {...emptyForm(), name: 'a', image: 'x', command: ['python3', '-c', "print('a b')"], files: [newFile('t.py', 'a\nb\n')]});
        expect(readYaml(writeYaml(doc)).value).toEqual({metadata: {name: 'a'}, spec: {image: 'x', command: ['python3', '-c', "print('a b')"], files: [{name: 't.py', content: 'a\nb\n'}]}});
    }
});

test('a value of env is a text, a mode is octal', () => {
    const {doc, value} = readYaml('spec:\n  files:\n  - {name: a, content: x, mode: 0555}\n');
    expect((value as {spec: {files: {mode: number}[]}}).spec.files[0]!.mode).toBe(0o555);
    const form = readForm(value);
    applyForm(doc, form, {...form, env: ['1', 'on', 'null', '0555', '~', 'a: b', '1e3'].map((v, i) => ({...newVariable(), name: `V${i}`, value: v}))});
    const again = readYaml(writeYaml(doc)).value as {spec: {env: {value: string}[]; files: {mode: number}[]}};
    expect(again.spec.env.map(e => e.value)).toEqual(['1', 'on', 'null', '0555', '~', 'a: b', '1e3']);
    expect(again.spec.files[0]!.mode).toBe(0o555);
    expect(writeYaml(doc)).toContain('"on"');
});

test('aliases and keys that are there twice are told', () => {
    expect(readYaml('a: &x 1\nb: *x\n').errors[0]?.message).toContain('aliases');
    expect(readYaml('a: 1\na: 2\n').errors).toMatchObject([{line: 2}]);
    expect(readYaml('a: [1\n').errors[0]?.line).toBeGreaterThan(0);
});

test('fields have their line, or that of their parent', () => {
    const text = 'spec:\n  image: x\n  roles:\n  - name: a\n    gpus: 200\n  - {name: b, gpus: 1}\n';
    const line = (field: string) => lineOfPath(text, pathOfField(field));
    expect(['spec', 'spec.image', 'spec.roles', 'spec.roles[0]', 'spec.roles[0].gpus', 'spec.roles[1].gpus', 'spec.roles[1].nothing', 'spec.files', 'metadata.name'].map(line))
        .toEqual([1, 2, 3, 4, 5, 6, 6, 1, 1]);
    expect(pathOfField('metadata.labels["a.b/c"]')).toEqual(['metadata', 'labels', 'a.b/c']);
});

test('words of a command come back', () => {
    for (const words of [['a'], ['a b', "it's", '"', '', '\\', 'a\nb', '$HOME', '--x=1']]) expect(splitWords(joinWords(words))).toEqual(words);
    expect(splitWords(`python3  -c "print(\\"a\\")" 'b c'd \\ e`)).toEqual(['python3', '-c', 'print("a")', 'b cd', ' e']);
    expect(splitWords("a 'b")).toBeUndefined();
    expect(splitWords('  ')).toEqual([]);
});

test('GPUs are counted by type, and of the pod that asks for most', () => {
    const form = {...emptyForm(), roles: [{...newRole('a'), gpus: '8', replicas: '2', gpuType: 'A100'}, {...newRole('b'), gpus: '1', gpuType: 'A100'}, {...newRole('c'), gpus: '2'}, {...newRole('d'), gpus: ''}]};
    expect(gpusOf(form)).toEqual({total: 19, byType: new Map([['A100', {total: 17, most: 8}], ['', {total: 2, most: 2}]])});
});

test('names that look secret', () => {
    // As the definition of templates, which refuses their values: those that fit the first expression and not the second.
    const [looks, path] = [...readFileSync(`${root}crds/dljobtemplate.yaml`, 'utf8').matchAll(/name\.matches\('\(\?i\)(.*)'\)/g)].map(m => new RegExp(m[1]!, 'i'));
    const of = (name: string) => {
        const secret = looksSecret({...newVariable(), name, value: 'x'});
        expect([name, looks!.test(name) && !path!.test(name)]).toEqual([name, secret]);
        return secret;
    };
    for (const name of ['WANDB_API_KEY', 'DB_PASSWORD', 'HF_TOKEN', 'AWS_SECRET_ACCESS_KEY', 'PGPASSWORD', 'MYSQL_PWD', 'apiKey', 'KEY', 'SSH_KEYS_2']) expect([name, of(name)]).toEqual([name, true]);
    for (const name of ['KEYBOARD', 'OMP_NUM_THREADS', 'MONKEY', 'TOKENIZERS_PARALLELISM', 'MAX_TOKENS', 'TLS_KEY_FILE', 'PWDIR']) expect([name, of(name)]).toEqual([name, false]);
    expect(looksSecret({...newVariable(), name: 'HF_TOKEN', secret: 's', key: 'k'})).toBe(false);
});

test.each(valid.map(j => [j.name, j.text]))('%s: the schema has nothing against it', (_, text) => { expect(check(schema, readYaml(text).value)).toEqual([]); });
test.each(STARTERS.map(s => [s.id, s.yaml]))('starter %s: the schema has nothing against it', (_, text) => { expect(check(schema, readYaml(text).value)).toEqual([]); });

test('the schema tells what is wrong, and where', () => {
    const found = check(schema, readYaml('kind: DLJob\nspec:\n  image: [x]\n  comand: [a]\n  framework: Tensorflow\n  roles: [{gpus: 200, replicas: two}]\n  env: [{name: A, value: 1}]\n  suspend: yes please\n').value);
    expect(found.map(f => `${f.path.join('.')}: ${f.message}`)).toEqual([
        'spec.image: must be a text', 'spec.comand: unknown field comand; is it command?',
        'spec.framework: must be one of None, Torch, MPI, JAX, TensorFlow, DeepSpeed',
        'spec.roles.0: name is missing', 'spec.roles.0.gpus: must be at most 128', 'spec.roles.0.replicas: must be a whole number',
        'spec.env.0.value: must be a text; write "1" with quotes', 'spec.suspend: must be true or false']);
    expect(nearest('xyz', ['image'])).toBeUndefined();
});

test('the place of the cursor is found by indentation', () => {
    const text = 'metadata:\n  name: a\nspec:\n  roles:\n  - name: w\n    resources:\n      me\n  - na\n  storage:\n    - name: x\n      re\n  fr';
    const at = (mark: string, add = mark.length) => { const p = placeAt(text, text.indexOf(mark) + add); return `${p.path.join('.')} ${p.key}`; };
    expect(at('      me', 8)).toBe('spec.roles.0.resources me');
    expect(at('  - na\n', 6)).toBe('spec.roles.0 na');
    expect(at('\n      re\n  fr', 9)).toBe('spec.storage.0 re');
    expect(at('  fr')).toBe('spec fr');
    expect(at('metadata')).toBe(' metadata');
    expect(at('  name: a')).toBe('metadata name');
    expect(schemaAt(schema, ['spec', 'roles', 0, 'resources'])?.properties).toHaveProperty('memory');
    expect(schemaAt(schema, ['spec', 'nothing'])).toBeUndefined();
    expect(schemaAt(schema, ['spec', 'toString'])).toBeUndefined();
});
