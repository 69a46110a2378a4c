// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {afterReturns, plain, segments, SEVERITIES, severityOf, visible, withMarks} from './text';

const esc = '\x1b';

test('a progress bar is its last state', () => {
    expect(afterReturns(' 10%|#  |\r 45%|## |\r100%|###|')).toBe('100%|###|');
    expect(afterReturns('done\r')).toBe('done');
    expect(afterReturns('\rdone')).toBe('done');
    expect(afterReturns('a longer state\rshort')).toBe('shortger state');
    expect(afterReturns(`${esc}[31ma longer state${esc}[0m\rshort`)).toBe('short');
    expect(afterReturns('\r\r')).toBe('');
    expect(afterReturns(`${esc}[31mred\r`)).toBe(`${esc}[31mred`);
    expect(afterReturns('nothing')).toBe('nothing');
});

test('colours are shown, everything else of a terminal is left out', () => {
    const line = `${esc}]0;title\x07${esc}[1;31mred${esc}[0m plain ${esc}[2K${esc}[?25l${esc}[38;5;2mgreen${esc}[39m${esc}(B${esc}[48;2;1;2;3mx`;
    expect(segments(line)).toEqual([{text: 'red', style: 'c-red c-bold'}, {text: ' plain ', style: ''}, {text: 'green', style: 'c-green'}, {text: 'x', style: ''}]);
    expect(segments(line).map(s => s.text).join('')).toBe(plain(line));
    expect(segments(`${esc}[38;2;9;9;9;1mx`)[0]?.style).toBe('c-bold');
    expect(segments(`${esc}[97mwhite`)).toEqual([{text: 'white', style: 'c-white'}]);
    expect(segments(`${esc}[1Kx`)).toEqual([{text: 'x', style: ''}]);
    expect(segments('<b>')).toEqual([{text: '<b>', style: ''}]);
});

test('marks cut pieces and keep their looks', () => {
    const list = [{text: 'abc', style: 'x'}, {text: 'def', style: ''}];
    const marked = (ranges: [number, number][]) => withMarks(list, ranges).map(s => s.mark ? `[${s.text}]` : s.text).join('');
    expect(marked([[1, 5]])).toBe('a[bc][de]f');
    expect(marked([[0, 1], [2, 3], [5, 6]])).toBe('[a]b[c]de[f]');
    expect(marked([[3, 3]])).toBe('abcdef');
    expect(marked([])).toBe('abcdef');
    expect(marked([[0, 99]])).toBe('[abc][def]');
    expect(withMarks(list, [[1, 5]])[1]).toEqual({text: 'bc', style: 'x', mark: true});
});

test('what would not be seen is seen, and nothing is turned around', () => {
    expect(visible('a\0b\x1bc\x7f\td')).toBe('a\u2400b\u241bc\u2421\td');
    expect(visible('\u202Eevil\u2066')).toBe('▯evil▯');
});

test('severity is guessed from the beginning of a line', () => {
    const of = (line: string) => SEVERITIES[severityOf(line)];
    expect(['ERROR: x', 'Traceback (most recent call last):', 'ValueError: x', 'RuntimeError: CUDA out of memory', 'E0612 x.cc:1', '{"level":"error"}', `${esc}[31mFATAL${esc}[0m`, 'error: no such file'].map(of)).toEqual(Array(8).fill('error'));
    expect(['WARNING: x', 'UserWarning: x', 'W0612 10:00', 'ts=1 level=warn msg=x'].map(of)).toEqual(Array(4).fill('warning'));
    expect(['INFO x', 'I0612 x', 'DEBUG x', 'TRACE y'].map(of)).toEqual(['info', 'info', 'debug', 'debug']);
    expect(['loss 0.1', 'errors=0', 'error_rate 0.1', 'informed', 'terror', `${'x'.repeat(300)} ERROR`].map(of)).toEqual(Array(6).fill('none'));
});
