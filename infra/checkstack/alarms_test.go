package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// alarm is the part of an alarm that decides when it goes off. Periods are in seconds.
type alarm struct {
	Metric     string `yaml:"MetricName"`
	Period     int    `yaml:"Period"`
	Periods    int    `yaml:"EvaluationPeriods"`
	Breaches   int    `yaml:"DatapointsToAlarm"`
	Missing    string `yaml:"TreatMissingData"`
	Expression []struct {
		ID         string `yaml:"Id"`
		Expression string `yaml:"Expression"`
		Stat       struct {
			Metric struct {
				Name string `yaml:"MetricName"`
			} `yaml:"Metric"`
			Period int `yaml:"Period"`
		} `yaml:"MetricStat"`
	} `yaml:"Metrics"`
}

// readAlarms returns the alarms of template.yaml by their logical ids.
func readAlarms(t *testing.T) map[string]alarm {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	alarms := map[string]alarm{}
	for name, resource := range template.Resources {
		if resource.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		var parsed alarm
		if err := resource.Properties.Decode(&parsed); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		alarms[name] = parsed
	}
	return alarms
}

// TestTheAlarmOfTheKeysNeedsASuccessfulRun checks that the alarm goes off if a daily run is missing, because the schedule is disabled, or
// fails: then each hour either has no data or an error.
func TestTheAlarmOfTheKeysNeedsASuccessfulRun(t *testing.T) {
	got := readAlarms(t)["KeysNotRotatedAlarm"]
	window := time.Duration(got.Period*got.Periods) * time.Second
	if got.Metric != "Errors" || got.Missing != "breaching" || got.Breaches != got.Periods || window < 25*time.Hour || window > 36*time.Hour {
		t.Errorf("got %+v over %v, want every hour of a little over a day to have no successful run", got, window)
	}
}

// TestTheAlarmOfTheMailerSeesAMailerThatDoesNotRun checks that the alarm compares the mailer's runs with the mails that were queued. A
// mail that is queued at the end of a period is processed in the next one, so one such period must not suffice.
func TestTheAlarmOfTheMailerSeesAMailerThatDoesNotRun(t *testing.T) {
	got := readAlarms(t)["MailerBehindAlarm"]
	var expression string
	metrics := map[string]string{}
	for _, metric := range got.Expression {
		expression += metric.Expression
		metrics[metric.ID] = metric.Stat.Metric.Name
	}
	for _, want := range []string{"FILL(age, -1) > 600000", "FILL(queued, 0) > 0 AND FILL(age, -1) < 0"} {
		if !strings.Contains(expression, want) {
			t.Errorf("got the expression %q, want it to contain %q", expression, want)
		}
	}
	if metrics["age"] != "IteratorAge" || metrics["queued"] != "MailsQueued" || got.Breaches < 2 || got.Periods <= got.Breaches {
		t.Errorf("got %+v, want two of several periods of IteratorAge and MailsQueued", got)
	}
}

// TestNoAlarmOnMetricsOfDynamoDB checks that no alarm uses a metric of DynamoDB. Such a metric has no data while nothing happens, and
// CloudWatch then leaves the alarm in its state, whatever TreatMissingData says.
func TestNoAlarmOnMetricsOfDynamoDB(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "Namespace: AWS/DynamoDB") {
		t.Error("got an alarm in the namespace AWS/DynamoDB, want it on the lines of the functions")
	}
	if len(readAlarms(t)) == 0 {
		t.Error("got no alarm in template.yaml, want several")
	}
}
