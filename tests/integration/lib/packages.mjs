// The npm packages, from the folder that tests/integration/run installed them into. They do not lie
// beside the tests, where an import would find them, because nothing is built in the source tree.

import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const folder = process.env.INTEGRATION_NODE_FOLDER;
if (!folder) throw new Error('INTEGRATION_NODE_FOLDER is not set: start with tests/integration/run');
const load = createRequire(path.join(folder, 'package.json'));

export const { Centrifuge } = load('centrifuge');
export const { Centrifuge: CentrifugeProtobuf } = load('centrifuge/build/protobuf');
export const EventSource = load('eventsource');
export const WebSocket = load('ws');
export const { chromium } = load('playwright-core');
