/** What the work thread is started with: the composition root of that thread. */

import { answerWork } from '../adapters/threads/answer-work.ts'
import { systemClock } from '../adapters/system/clock.ts'
import { ingestWorks } from '../core/planning/index.ts'

answerWork(ingestWorks(systemClock()))
