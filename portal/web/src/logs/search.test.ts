// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {allPlaces, find, mistakeIn} from './search';

const lines = ['Loss 0.5', 'nothing', '\x1b[31mlo\x1b[0mss', 'a.b axb'];

test('text is text, in any case and across colours', () => {
    expect(find(lines, {text: 'LOSS', regex: false})).toEqual([0, 0, 4, 2, 0, 4]);
    expect(find(lines, {text: 'a.b', regex: false})).toEqual([3, 0, 3]);
    expect(find(lines, {text: '(', regex: false})).toEqual([]);
});

test('an expression is one', () => {
    expect(find(lines, {text: '\\d\\.\\d$', regex: true})).toEqual([0, 5, 8]);
    expect(find(lines, {text: 'x(?=b)', regex: true})).toEqual([3, 5, 6]);
    expect(() => find(lines, {text: '(', regex: true})).toThrow(SyntaxError);
    expect(mistakeIn({text: '(', regex: true})).not.toBe('');
    expect(mistakeIn({text: '(', regex: false})).toBe('');
    expect(mistakeIn({text: '(a+)+$', regex: true})).toBe('');
});

test('all places in a line', () => {
    expect(allPlaces('aAaA', 'aa')).toEqual([[0, 2], [2, 4]]);
    expect(allPlaces('x', '')).toEqual([]);
    expect(allPlaces('\u0130a', 'a')).toEqual([]);
});
