package engagement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
)

// courses are short histories, each for one rule, with their engagements as history.Tables tells
// them.
var courses = []struct {
	rule   string
	events string
	want   []string
}{
	{
		"1 entered opens a row",
		`0 entered`,
		[]string{"Q[0,-,-] In Progress"},
	},
	{
		"1 entered closes an open row as Moved",
		`0  entered WQ1
		 7  entered WQ2`,
		[]string{"Q[0,7,Moved]", "Q[7,-,-] In Progress"},
	},
	{
		"1 entered into the same queue again is a row of its own",
		`0  entered WQ1
		 7  entered WQ1
		 9  accepted`,
		[]string{"Q[0,7,Moved]", "Q[7,9,Accepted]", "A[9,-,2,-,-,-] In Progress"},
	},
	{
		"1 timeout and moved alone open and close nothing",
		`0  entered WQ1
		 5  task-queue.timeout WQ1
		 5  moved WQ2`,
		[]string{"Q[0,-,-] In Progress"},
	},
	{
		"2 a transfer to a queue opens a provisional row",
		`0  entered
		 5  accepted
		 9  initiated to=WQ2 type=QUEUE`,
		[]string{"Q[0,5,Accepted]", "A[5,-,5,-,-,-] In Progress", "Q[9,-,-] In Progress inferred"},
	},
	{
		"2 entered replaces the provisional row",
		`0   entered
		 5   accepted
		 9   initiated to=WQ2 type=queue
		 11  entered WQ2`,
		[]string{"Q[0,5,Accepted]", "A[5,-,5,-,-,-] In Progress", "Q[11,-,-] In Progress"},
	},
	{
		"2 also of a task that nobody was offered",
		`0   initiated to=WQ2 type=QUEUE
		 11  entered WQ2`,
		[]string{"Q[11,-,-] In Progress"},
	},
	{
		"2 a transfer opens nothing while a row is open",
		`0   entered
		 5   initiated to=WQ2 type=QUEUE
		 11  task.canceled`,
		[]string{"Q[0,11,Canceled]"},
	},
	{
		"7 an entry that was lost counts at the moment of the acceptance too",
		`0   accepted WQ1 since=08:00`,
		[]string{"A[0,-,0,-,-,-] In Progress", "Q[0,0,Accepted] inferred"},
	},
	{
		"2 entered behind the close of the provisional row replaces nothing",
		`0   entered
		 5   accepted
		 9   initiated to=WQ2 type=QUEUE
		 12  accepted WR2
		 14  entered WQ2`,
		[]string{"Q[0,5,Accepted]", "A[5,-,5,-,-,-] In Progress", "Q[9,12,Accepted] inferred", "A[12,-,3,-,-,-] In Progress", "Q[14,-,-] In Progress"},
	},
	{
		"2 a transfer while a row is open opens none",
		`0  entered
		 5  initiated to=WQ2 type=QUEUE
		 9  accepted`,
		[]string{"Q[0,9,Accepted]", "A[9,-,4,-,-,-] In Progress"},
	},
	{
		"2 a second transfer while the provisional row is open opens none",
		`0  initiated to=WQ2 type=QUEUE
		 5  initiated to=WQ3 type=QUEUE
		 9  accepted`,
		[]string{"Q[0,9,Accepted] inferred", "A[9,-,4,-,-,-] In Progress"},
	},
	{
		"2 a transfer to a worker opens none",
		`0  initiated to=WK2 type=WORKER
		 9  accepted`,
		[]string{"A[9,-,9,-,-,-] In Progress"},
	},
	{
		"9 without a type the target of a transfer decides: WQ is a queue",
		`0  initiated to=WQ2
		 9  accepted`,
		[]string{"Q[0,9,Accepted] inferred", "A[9,-,9,-,-,-] In Progress"},
	},
	{
		"9 without a type the target of a transfer decides: WK is none",
		`0  initiated to=WK2`,
		nil,
	},
	{
		"9 the type of a transfer counts before its target",
		`0  initiated to=WQ2 type=worker
		 5  initiated to=WK2 type=Queue`,
		[]string{"Q[5,-,-] In Progress inferred"},
	},
	{
		"3 hangup in any case and with blanks is Customer Left",
		`0  entered
		 9  task.canceled task_canceled_reason=" HangUp "`,
		[]string{"Q[0,9,Customer Left]"},
	},
	{
		"3 the reason stands in where the own reason is blank",
		`0  entered
		 9  task.canceled task_canceled_reason=" " reason=hangup`,
		[]string{"Q[0,9,Customer Left]"},
	},
	{
		"3 the own reason counts before the general one",
		`0  entered
		 9  task.canceled task_canceled_reason=other reason=hangup`,
		[]string{"Q[0,9,Canceled]"},
	},
	{
		"3 hangup must be the whole reason",
		`0  entered
		 9  task.canceled task_canceled_reason="hangup by agent"`,
		[]string{"Q[0,9,Canceled]"},
	},
	{
		"3 only letters and digits of a reason are compared",
		`0  entered
		 9  task.canceled task_canceled_reason="Customer-ended CHAT."`,
		[]string{"Q[0,9,Customer Left]"},
	},
	{
		"3 a reason without any letter is none",
		`0  entered
		 9  task.canceled task_canceled_reason="..." reason=hangup`,
		[]string{"Q[0,9,Canceled]"},
	},
	{
		"3 a customer who abandoned has left, as the application says, whatever the reason",
		`0  entered ta={"conversations":{"abandoned":"Yes"}}
		 9  task.canceled task_canceled_reason=timer`,
		[]string{"Q[0,9,Customer Left]"},
	},
	{
		"3 also when the task is completed, and when it is said behind the end",
		`0   entered
		 9   task.completed
		 12  task.updated ta={"conversations":{"abandoned":true}}`,
		[]string{"Q[0,9,Customer Left]"},
	},
	{
		"3 an abandonment that is something else is none",
		`0  entered ta={"conversations":{"abandoned":"Follow-Up"}}
		 9  task.canceled`,
		[]string{"Q[0,9,Canceled]"},
	},
	{
		"3 nobody abandoned what an agent took, before or behind",
		`0   entered ta={"conversations":{"abandoned":"Yes"}}
		 9   task.canceled
		 12  wrapup`,
		[]string{"Q[0,9,Canceled]", "A[12,-,-,-,-,-] Corrupted inferred"},
	},
	{
		"3 an abandonment says nothing of other ends",
		`0  entered ta={"conversations":{"abandoned":"Yes"}}
		 9  task.deleted`,
		[]string{"Q[0,9,Deleted]"},
	},
	{
		"3 system-deleted is Deleted",
		`0  entered
		 9  task.system-deleted`,
		[]string{"Q[0,9,Deleted]"},
	},
	{
		"3 completed in a queue is Canceled",
		`0  entered
		 9  task.completed`,
		[]string{"Q[0,9,Canceled]"},
	},
	{
		"3 transfer-failed is Canceled",
		`0  entered
		 9  task.transfer-failed transfer_failed_reason=busy reason=hangup`,
		[]string{"Q[0,9,Canceled]"},
	},
	{
		"3 transfer-failed by hangup is Customer Left",
		`0  entered
		 9  task.transfer-failed transfer_failed_reason=hangup`,
		[]string{"Q[0,9,Customer Left]"},
	},
	{
		"3 transfer-canceled is Canceled",
		`0  entered
		 9  task.transfer-canceled reason=hangup`,
		[]string{"Q[0,9,Canceled]"},
	},
	{
		"3 transfer-attempt-failed, transfer-completed, wrapup and updates close nothing",
		`0  entered
		 1  task.transfer-attempt-failed
		 2  task.transfer-completed
		 3  task.wrapup
		 4  task.updated
		 5  workflow.timeout
		 6  reservation.unheard-of`,
		[]string{"Q[0,-,-] In Progress"},
	},
	{
		"3 only the first close counts",
		`0  entered
		 4  task.canceled
		 9  task.deleted`,
		[]string{"Q[0,4,Canceled]"},
	},
	{
		"4 accepted without any queue row makes one from its entered date",
		`9  accepted WQ1 since=2`,
		[]string{"Q[2,9,Accepted] inferred", "A[9,-,7,-,-,-] In Progress"},
	},
	{
		"4 not without the queue's SID",
		`9  accepted since=2`,
		[]string{"A[9,-,-,-,-,-] In Progress"},
	},
	{
		"4 not without the entered date",
		`9  accepted WQ1`,
		[]string{"A[9,-,-,-,-,-] In Progress"},
	},
	{
		"4 not with an entered date that cannot be read",
		`9  accepted WQ1 task_queue_entered_date=soon`,
		[]string{"A[9,-,-,-,-,-] In Progress"},
	},
	{
		"4 not when a queue row has closed before",
		`0  entered
		 4  accepted
		 9  accepted WR2 WQ1 since=5`,
		[]string{"Q[0,4,Accepted]", "A[4,-,4,-,-,-] In Progress", "A[9,-,9,-,-,-] In Progress"},
	},
	{
		"4 a queue row that opens later does not count",
		`4  accepted WQ1 since=0
		 9  entered WQ2`,
		[]string{"Q[0,4,Accepted] inferred", "A[4,-,4,-,-,-] In Progress", "Q[9,-,-] In Progress"},
	},
	{
		"4 task.canceled makes one too",
		`9  task.canceled WQ1 since=2 task_canceled_reason=hangup`,
		[]string{"Q[2,9,Customer Left] inferred"},
	},
	{
		"4 task.* makes none when a reservation was served",
		`9   task.completed WQ1 since=2
		 12  wrapup`,
		[]string{"A[12,-,-,-,-,-] Corrupted inferred"},
	},
	{
		"4 task.* makes one when reservations were only offered",
		`9   task.completed WQ1 since=2
		 12  rejected`,
		[]string{"Q[2,9,Canceled] inferred", "I[12,12,Rejected] inferred"},
	},
	{
		"4 transfer-failed makes none",
		`9  task.transfer-failed WQ1 since=2`,
		nil,
	},
	{
		"4 reservation.rejected makes none: it ends no stay",
		`9  rejected WQ1 since=2`,
		[]string{"I[9,9,Rejected] inferred"},
	},
	{
		"6 an agent row runs from accepted to completed",
		`3  accepted
		 9  completed`,
		[]string{"A[3,9,-,-,6,-]"},
	},
	{
		"6 without completed the task's completion ends it",
		`3   accepted
		 9   task.completed
		 11  task.deleted`,
		[]string{"A[3,9,-,-,6,-] inferred"},
	},
	{
		"6 without completed the task's cancellation ends it",
		`3  accepted
		 9  task.canceled`,
		[]string{"A[3,9,-,-,6,-] inferred"},
	},
	{
		"6 without completed a deletion ends it as Corrupted",
		`3  accepted
		 9  task.deleted`,
		[]string{"A[3,9,-,-,6,-] Corrupted inferred"},
	},
	{
		"6 without completed a system deletion ends it as Corrupted",
		`3  accepted
		 9  task.system-deleted`,
		[]string{"A[3,9,-,-,6,-] Corrupted inferred"},
	},
	{
		"6 whichever end of the task comes first",
		`3  accepted
		 5  task.system-deleted
		 9  task.completed`,
		[]string{"A[3,5,-,-,2,-] Corrupted inferred"},
	},
	{
		"6 an end of the task before accepted does not count",
		`1  task.completed
		 3  accepted`,
		[]string{"A[3,-,-,-,-,-] In Progress"},
	},
	{
		"6 an end of the task in the same millisecond counts: it sorts behind",
		`3  task.completed
		 3  accepted`,
		[]string{"A[3,3,-,-,0,-] inferred"},
	},
	{
		"6 completed counts before the task's end, even if later",
		`3  accepted
		 5  task.completed
		 9  completed`,
		[]string{"A[3,9,-,-,6,-]"},
	},
	{
		"6 an accepted reservation that is taken away ends there, whatever takes it",
		`1  accepted WR1
		 5  canceled WR1
		 1  accepted WR2
		 6  timeout WR2
		 1  accepted WR3
		 7  rejected WR3
		 1  accepted WR4
		 8  rescinded WR4
		 1  accepted WR5
		 9  failed WR5`,
		[]string{"A[1,5,-,-,4,-]", "A[1,6,-,-,5,-]", "A[1,7,-,-,6,-]", "A[1,8,-,-,7,-]", "A[1,9,-,-,8,-]"},
	},
	{
		"6 of completed and the taking-away the first counts",
		`1  accepted WR1
		 5  completed WR1
		 6  canceled WR1
		 1  accepted WR2
		 6  canceled WR2
		 7  completed WR2`,
		[]string{"A[1,5,-,-,4,-]", "A[1,6,-,-,5,-]"},
	},
	{
		"6 what lies before accepted takes nothing away",
		`1  created
		 2  rejected
		 3  accepted
		 9  completed`,
		[]string{"A[3,9,-,2,6,-]"},
	},
	{
		"6 the task's end counts only without both",
		`1  accepted
		 3  task.completed
		 9  canceled`,
		[]string{"A[1,9,-,-,8,-]"},
	},
	{
		"6 a wrapup behind the taking-away does not count, one before it does",
		`1   accepted WR1
		 4   wrapup WR1
		 6   canceled WR1
		 9   wrapup WR1
		 1   accepted WR2
		 7   canceled WR2
		 7   wrapup WR2
		 8   completed WR2`,
		[]string{"A[1,6,-,-,3,2]", "A[1,7,-,-,6,-]"},
	},
	{
		"6 a wrapup behind completed counts as before",
		`1   accepted WR1
		 6   completed WR1
		 9   wrapup WR1`,
		[]string{"A[1,6,-,-,8,0]"},
	},
	{
		"7 a taking-away is no entry while the row of a lost entry is open at it",
		`0   accepted WR1
		 10  canceled WR1
		 12  task.completed
		 20  accepted WR1 WQ1 since=8
		 30  accepted WR2`,
		[]string{"A[0,10,-,-,10,-]", "Q[8,20,Accepted] inferred", "A[30,-,22,-,-,-] In Progress"},
	},
	{
		"7 a customer whose agent was taken away waits again until the next agent",
		`0    entered
		 5    accepted WR1
		 60   rejected WR1
		 100  created WR2
		 105  accepted WR2
		 200  completed WR2
		 200  task.completed`,
		[]string{"Q[0,5,Accepted]", "A[5,60,5,-,55,-]", "Q[60,105,Accepted] inferred", "A[105,200,45,5,95,-]"},
	},
	{
		"7 the wait ends like any other",
		`5    accepted WR1
		 60   rejected WR1
		 100  created WR2
		 105  rejected WR2
		 110  task.canceled reason=hangup`,
		[]string{"A[5,60,-,-,55,-]", "Q[60,110,Customer Left] inferred", "I[100,105,Rejected]"},
	},
	{
		"7 entered replaces the row, and is the last entry",
		`5    accepted WR1
		 60   rejected WR1
		 70   entered WQ2
		 105  accepted WR2`,
		[]string{"A[5,60,-,-,55,-]", "Q[70,105,Accepted]", "A[105,-,35,-,-,-] In Progress"},
	},
	{
		"7 accepted of another reservation is enough",
		`5    accepted WR1
		 60   rejected WR1
		 105  accepted WR2`,
		[]string{"A[5,60,-,-,55,-]", "Q[60,105,Accepted] inferred", "A[105,-,45,-,-,-] In Progress"},
	},
	{
		"7 nobody waits where the task ends",
		`5   accepted WR1
		 60  rejected WR1
		 70  task.canceled
		 80  created WR2`,
		[]string{"A[5,60,-,-,55,-]"},
	},
	{
		"7 nor where only the same reservation goes on",
		`5   accepted WR1
		 60  rejected WR1
		 61  created WR1
		 70  accepted WR1`,
		[]string{"A[5,60,-,0,55,-]"},
	},
	{
		"7 an end of the task before the taking-away does not count",
		`5   accepted WR1
		 50  task.completed
		 60  rejected WR1
		 80  accepted WR2`,
		[]string{"A[5,60,-,-,55,-]", "Q[60,80,Accepted] inferred", "A[80,-,20,-,-,-] In Progress"},
	},
	{
		"7 nobody waits while another agent is there",
		`0    entered
		 5    accepted WR1
		 7    initiated to=WK2 type=WORKER
		 9    accepted WR2
		 60   canceled WR1
		 90   accepted WR3
		 95   completed WR2`,
		[]string{"Q[0,5,Accepted]", "A[5,60,5,-,55,-]", "A[9,95,2,-,86,-]", "A[90,-,83,-,-,-] In Progress"},
	},
	{
		"7 while a queue row is open the wait counts from it",
		`5   accepted WR1
		 50  entered WQ2
		 60  rejected WR1
		 80  accepted WR2`,
		[]string{"A[5,60,-,-,55,-]", "Q[50,80,Accepted]", "A[80,-,30,-,-,-] In Progress"},
	},
	{
		"7 a provisional row of a transfer is one",
		`5   accepted WR1
		 50  initiated to=WQ2
		 60  rejected WR1
		 80  accepted WR2`,
		[]string{"A[5,60,-,-,55,-]", "Q[50,80,Accepted] inferred", "A[80,-,30,-,-,-] In Progress"},
	},
	{
		"7 the row of an earlier taking-away is not: the wait counts from the last",
		`5   accepted WR1
		 10  wrapup WR2
		 20  rejected WR1
		 30  rejected WR2
		 80  accepted WR3`,
		[]string{"A[5,20,-,-,15,-]", "A[10,30,-,-,-,-] Corrupted inferred", "Q[30,80,Accepted] inferred", "A[80,-,50,-,-,-] In Progress"},
	},
	{
		"7 of a row that was never seen to be accepted too",
		`10  wrapup WR1
		 11  wrapup WR1
		 20  canceled WR1
		 80  accepted WR2`,
		[]string{"A[10,20,-,-,-,-] Corrupted inferred", "Q[20,80,Accepted] inferred", "A[80,-,60,-,-,-] In Progress"},
	},
	{
		"7 an agent who accepted before the taking-away did not wait for it",
		`0   entered
		 5   accepted WR1
		 60  accepted WR2 EV81
		 60  rejected WR1 EV82`,
		[]string{"Q[0,5,Accepted]", "A[5,60,5,-,55,-]", "A[60,-,60,-,-,-] In Progress"},
	},
	{
		"7 in one millisecond the order of events decides",
		`0   entered
		 5   accepted WR1
		 60  accepted WR2 EV92
		 60  rejected WR1 EV91`,
		[]string{"Q[0,5,Accepted]", "A[5,60,5,-,55,-]", "A[60,-,0,-,-,-] In Progress", "Q[60,60,Accepted] inferred"},
	},
	{
		"7 engagement ends and wrap-up begins at wrapup",
		`1  created
		 3  accepted
		 7  wrapup
		 9  completed`,
		[]string{"A[3,9,-,2,4,2]"},
	},
	{
		"7 wrap-up of an open row is not known yet",
		`3  accepted
		 7  wrapup`,
		[]string{"A[3,-,-,-,4,-] In Progress"},
	},
	{
		"7 the wait counts from the last entry at or before accepted",
		`0  entered
		 4  entered
		 9  accepted
		 9  entered WQ9`,
		[]string{"Q[0,4,Moved]", "Q[4,9,Moved]", "A[9,-,0,-,-,-] In Progress", "Q[9,9,Accepted]"},
	},
	{
		"7 the wait counts from a transfer, to a worker too",
		`0   entered
		 4   accepted
		 20  initiated to=WK2 type=WORKER
		 25  accepted WR2`,
		[]string{"Q[0,4,Accepted]", "A[4,-,4,-,-,-] In Progress", "A[25,-,5,-,-,-] In Progress"},
	},
	{
		"7 a duration that would be negative is 0",
		`5  created
		 3  accepted
		 1  wrapup
		 2  completed`,
		[]string{"A[3,2,-,0,0,1]"},
	},
	{
		"8 wrapup without accepted is Corrupted from the first event on",
		`1  created
		 7  wrapup
		 9  completed`,
		[]string{"A[1,9,-,-,-,-] Corrupted inferred"},
	},
	{
		"8 it ends with the task",
		`7  wrapup
		 9  task.completed`,
		[]string{"A[7,9,-,-,-,-] Corrupted inferred"},
	},
	{
		"8 it stays open otherwise",
		`7  wrapup`,
		[]string{"A[7,-,-,-,-,-] Corrupted inferred"},
	},
	{
		"8 an end of the task before its start does not count",
		`3  task.completed
		 7  wrapup`,
		[]string{"A[7,-,-,-,-,-] Corrupted inferred"},
	},
	{
		"9 timeout, canceled and failed are Missed, rejected Rejected, rescinded Revoked",
		`0  created WR1
		 1  timeout WR1
		 2  created WR2
		 3  canceled WR2
		 4  created WR3
		 5  failed WR3
		 6  created WR4
		 7  rejected WR4
		 8  created WR5
		 9  rescinded WR5`,
		[]string{"I[0,1,Missed]", "I[2,3,Missed]", "I[4,5,Missed]", "I[6,7,Rejected]", "I[8,9,Revoked]"},
	},
	{
		"9 the first ending event wins",
		`0  created
		 5  rejected
		 7  canceled`,
		[]string{"I[0,5,Rejected]"},
	},
	{
		"9 no ending event, but the task ended: Missed then",
		`0  created
		 5  task.canceled
		 7  task.deleted`,
		[]string{"I[0,5,Missed] inferred"},
	},
	{
		"9 the task ended before: no row",
		`3  task.canceled
		 5  created`,
		nil,
	},
	{
		"9 the task's first end behind the reservation's first event",
		`1  task.completed
		 3  created
		 5  task.canceled`,
		[]string{"I[3,5,Missed] inferred"},
	},
	{
		"9 two agents were asked at once: the offer ends as Revoked when the other accepts",
		`0     created WR1
		 2     created WR2
		 5     accepted WR1`,
		[]string{"I[2,5,Revoked] inferred", "A[5,-,-,5,-,-] In Progress"},
	},
	{
		"9 at once is two seconds either way",
		`0     created WR2
		 2     created WR1
		 5     accepted WR1
		 9     task.completed`,
		[]string{"I[0,5,Revoked] inferred", "A[5,9,-,3,4,-] inferred"},
	},
	{
		"9 and no more: then asking the next agent ends it",
		`0      created WR2
		 2.001  created WR1
		 5      accepted WR1`,
		[]string{"I[0,2.001,Missed] inferred", "A[5,-,-,2.999,-,-] In Progress"},
	},
	{
		"9 asking the next agent ends nothing while nobody accepts and the task goes on",
		`0   created WR1
		 20  created WR2`,
		nil,
	},
	{
		"9 an agent who was asked earlier ends nothing, but tells that the task went on",
		`0   created WR1
		 20  created WR2
		 25  accepted WR1`,
		[]string{"A[25,-,-,25,-,-] In Progress"},
	},
	{
		"9 one whose created is lost ends nothing either",
		`0   created WR1
		 5   accepted WR2
		 9   task.canceled`,
		[]string{"I[0,9,Missed] inferred", "A[5,9,-,-,4,-] inferred"},
	},
	{
		"9 whichever comes first",
		`0   created WR1
		 0   created WR2
		 5   created WR3
		 9   accepted WR2`,
		[]string{"I[0,5,Missed] inferred", "A[9,-,-,9,-,-] In Progress"},
	},
	{
		"9 the offer's own end counts before all of it",
		`0   created WR1
		 0   created WR2
		 5   accepted WR2
		 9   timeout WR1`,
		[]string{"I[0,9,Missed]", "A[5,-,-,5,-,-] In Progress"},
	},
	{
		"9 where created is lost, the earliest event stands for it",
		`1   reservation.unheard-of WR1
		 2   created WR2
		 5   accepted WR2`,
		[]string{"A[5,-,-,3,-,-] In Progress", "I[5,5,Revoked] inferred"},
	},
	{
		"9 an invitation is never in progress",
		`0  created`,
		nil,
	},
	{
		"10 without created it starts at its end",
		`5  rejected`,
		[]string{"I[5,5,Rejected] inferred"},
	},
	{
		"10 accepted makes it an agent row, whatever else was said",
		`0  created
		 2  timeout
		 5  accepted`,
		[]string{"A[5,-,-,5,-,-] In Progress"},
	},
	{
		"9 of several created, accepted, completed the first counts, of several wrapup the last",
		`1   created
		 2   created
		 4   accepted
		 5   accepted
		 8   wrapup
		 10  wrapup
		 20  completed
		 30  completed`,
		[]string{"A[4,20,-,3,6,10]"},
	},
	{
		"9 a reservation's events are those of reservation.* alone",
		`1  created
		 3  task.updated WR1
		 5  task.wrapup WR1`,
		nil,
	},
	{
		"1 of section 1: in one millisecond the rank of kinds decides",
		`5  task.completed EV01
		 5  completed EV02
		 5  wrapup EV03
		 5  accepted EV04
		 5  created EV05
		 5  entered EV06`,
		[]string{"A[5,5,0,0,0,0]", "Q[5,5,Accepted]"},
	},
	{
		"1 of section 1: of one rank the id decides",
		`0  created
		 5  timeout EV05
		 5  rejected EV04`,
		[]string{"I[0,5,Rejected]"},
	},
}

func TestEngagementsFollowTheRules(t *testing.T) {
	for _, c := range courses {
		t.Run(c.rule, func(t *testing.T) {
			got := history.Of(history.Parse(c.events)).Engagements()
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s\n(-want +got):\n%s", c.events, d)
			}
		})
	}
}
