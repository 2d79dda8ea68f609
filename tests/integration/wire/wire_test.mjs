// Conversations by hand (conversations.mjs): what is out of order is told by the documented code,
// and hurts its own connection only.

import { Target } from '../lib/target.mjs';
import { conversations } from './conversations.mjs';
import { tryConversations } from './converse.mjs';

tryConversations(conversations, (t, config) => Target.start(t, config));
