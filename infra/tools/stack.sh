#!/bin/sh
# stack.sh clear STACK deletes the empty rest of a stack whose creation failed. Without this, CloudFormation refuses to create it again.
# stack.sh protect STACK makes AWS refuse to delete the stack and its tables. A new stack has no protection until its creation has
# succeeded, because CloudFormation could not roll a failed creation back.
set -eu

clear_failed_creation() {
  status=$(aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus' --output text 2> /dev/null || true)
  if [ "$status" = ROLLBACK_COMPLETE ]; then
    echo "latchkey: deleting what is left of the failed creation of $1"
    aws cloudformation delete-stack --stack-name "$1"
    aws cloudformation wait stack-delete-complete --stack-name "$1"
  fi
}

protect() {
  aws cloudformation update-termination-protection --enable-termination-protection --stack-name "$1" > /dev/null
  tables=$(aws cloudformation list-stack-resources --stack-name "$1" --output text \
    --query "StackResourceSummaries[?ResourceType=='AWS::DynamoDB::Table'].PhysicalResourceId")
  for table in $tables; do
    protected=$(aws dynamodb describe-table --table-name "$table" --query Table.DeletionProtectionEnabled --output text)
    if [ "$protected" != True ]; then
      aws dynamodb update-table --table-name "$table" --deletion-protection-enabled > /dev/null
    fi
  done
  echo "latchkey: $1 and its tables are protected from deletion"
}

case $1 in
  clear) clear_failed_creation "$2" ;;
  protect) protect "$2" ;;
esac
