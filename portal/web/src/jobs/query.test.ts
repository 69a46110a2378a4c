// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {readState} from '../shell/urlstate';
import {filterFields, isFiltered, listQuery, topicOf} from './query';

const filter = (query: string) => readState(filterFields, new URLSearchParams(query));

test('mine is the default, and has no meaning where an owner is named', () => {
    expect(topicOf(filter(''))).toBe('jobs?mine=true');
    expect(topicOf(filter('mine=false'))).toBe('jobs');
    expect(topicOf(filter('owner=bob'))).toBe('jobs?owner=bob');
});

test('order is of the list alone', () => {
    expect(topicOf(filter('sort=name'))).toBe('jobs?mine=true');
    expect(listQuery(filter('sort=name'))).toEqual({mine: true, sort: 'name'});
    expect(listQuery(filter('sort=-created&phase=Running&q=%20a%20'))).toEqual({mine: true, q: 'a', phase: ['Running']});
});

test('a filter that is too long for a topic has none', () => {
    expect(topicOf(filter(`mine=false&q=${'ä'.repeat(200)}`))).toBeUndefined();
});

test('mine and order are no filter', () => {
    expect(isFiltered(filter('mine=false&sort=name&q=%20'))).toBe(false);
    expect(isFiltered(filter('gpuType=A100'))).toBe(true);
});
