// SPDX-License-Identifier: Apache-2.0
import {render} from 'preact';
import {watchVisibility} from './api/away';
import {loadSession, watchSession} from './session/session';
import {watchKeys} from './shell/keyboard';
import {App} from './shell/layout';
import {startClock} from './shell/now';
import {followLinks, navigate, path} from './shell/router';
import {applyTheme} from './shell/theme';
import './style/base.css';
import './style/parts.css';
import './style/shell.css';

applyTheme();
if (path.value === '/') navigate('/jobs' + location.search, true);
followLinks();
watchKeys();
watchVisibility();
watchSession();
startClock();
void loadSession();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
