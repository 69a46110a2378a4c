// SPDX-License-Identifier: Apache-2.0
// TypeScript finds the mistakes; these rules are the ones that keep hostile text from becoming markup or code.
import parser from '@typescript-eslint/parser';

const html = 'the server\'s strings are hostile: text nodes only';
const members = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc', 'createContextualFragment', 'setHTMLUnsafe', 'parseHTMLUnsafe'];

export default [
    {ignores: ['dist/', 'node_modules/', 'src/api/schema.d.ts']},
    {
        files: ['**/*.ts', '**/*.tsx', '**/*.js', '**/*.mjs'],
        languageOptions: {parser, parserOptions: {ecmaFeatures: {jsx: true}}},
        linterOptions: {reportUnusedDisableDirectives: 'error'},
        rules: {
            'eqeqeq': 'error',
            'no-eval': 'error',
            'no-implied-eval': 'error',
            'no-new-func': 'error',
            'no-script-url': 'error',
            'no-var': 'error',
            'prefer-const': 'error',
            'no-console': 'error',
            'no-debugger': 'error',
            'max-lines': ['error', 400],
            'no-restricted-syntax': ['error',
                {selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: html},
                {selector: 'Property[key.name="dangerouslySetInnerHTML"]', message: html},
                ...members.map(name => ({selector: `MemberExpression[property.name="${name}"]`, message: html})),
                {selector: 'JSXAttribute[name.name=/^on/] > Literal', message: 'a handler is a function'},
                {selector: 'CallExpression[callee.object.name="document"][callee.property.name=/^write(ln)?$/]', message: html},
                {selector: 'NewExpression[callee.name="Worker"]:not([arguments.0.callee.name="trustedWorkerUrl"])',
                    message: 'Trusted Types: new Worker(trustedWorkerUrl(url))'},
            ],
        },
    },
    {files: ['dev/**'], rules: {'no-console': 'off'}},
];
